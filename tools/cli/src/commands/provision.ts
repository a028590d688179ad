import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption } from "./definition.ts";

export const provisionCommand = (finish: Finish) =>
  new Command("provision")
    .summary("create topics and schemas on your own Kafka")
    .description(
      "Creates missing topics and registers schemas on the Kafka and the registry that\n" +
        "SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL name, or else on the local stack,\n" +
        "also for the tenants with ownTopics in SLUICE_CONFIG or the stack's sluice.yaml.\n" +
        "Reports settings that differ, but does not change them.",
    )
    .addOption(
      switchOption("--set-compatibility", "set the registry's global level to FULL_TRANSITIVE"),
    )
    .addOption(switchOption("--acls", "grant the accounts of services and tenants their rights"))
    .addOption(switchOption("--print-acls", "only print these grants as kafka-acls arguments"))
    .addOption(dataDirOption())
    .addOption(jsonOption("what was created, registered, and differs"))
    .action(async (options) => finish(await (await import("../provision.ts")).provision(options)));
