import { Command } from "@commander-js/extra-typings";
import { type Finish, jsonOption, switchOption } from "./definition.ts";

export const provisionCommand = (finish: Finish) =>
  new Command("provision")
    .summary("make topics and schemas on a Kafka of your own")
    .description(
      "Creates missing topics and registers schemas on the Kafka and the registry that\n" +
        "SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL name. Settings that differ are\n" +
        "named, not changed.",
    )
    .addOption(
      switchOption("--set-compatibility", "set the registry's own level to FULL_TRANSITIVE"),
    )
    .addOption(
      switchOption("--acls", "let each service's account (sluice-<service>) do what it needs"),
    )
    .addOption(switchOption("--print-acls", "print that as arguments of kafka-acls, and end"))
    .addOption(jsonOption("what was created, registered, and differs"))
    .action(async (options) => finish(await (await import("../provision.ts")).provision(options)));
