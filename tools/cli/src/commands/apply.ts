import { Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption } from "./definition.ts";

export const applyCommand = (finish: Finish) =>
  new Command("apply")
    .summary("publish the declarations of a sluice.yaml")
    .description(
      "Checks the whole file, shows what it changes, and publishes only that to the\n" +
        "control topics of the Kafka that SLUICE_KAFKA_BROKERS names, or else of the local\n" +
        "stack. Services that follow these topics adopt the change without a restart.",
    )
    .addOption(new Option("-f, --file <path>", "the declarations").makeOptionMandatory())
    .addOption(switchOption("--dry-run", "show what the file changes, and publish nothing"))
    .addOption(dataDirOption())
    .addOption(jsonOption("the version and the changes"))
    .action(async (options) => finish(await (await import("../apply/apply.ts")).apply(options)));
