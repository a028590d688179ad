import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption } from "./definition.ts";

export const upCommand = (finish: Finish) =>
  new Command("up")
    .summary("start the local stack, and keep it running until Ctrl-C")
    .description(
      "Starts Kafka, the schema registry, Redis, PostgreSQL, the provider simulator and\n" +
        "the six services, and keeps them running until Ctrl-C.",
    )
    .addOption(switchOption("--detach", "return when the stack is ready; it keeps running"))
    .addOption(switchOption("--accounts", "Kafka and the registry require accounts, from now on"))
    .addOption(switchOption("--parts-only", "start only Kafka, registry, Redis and PostgreSQL"))
    .addOption(switchOption("--free-ports", "choose free ports once per state directory"))
    .option("--no-demo", "skip the demo on the first start")
    .addOption(dataDirOption())
    .addOption(jsonOption("the output of status --json, once ready"))
    .action(async (options) => finish(await (await import("../local-stack/up.ts")).up(options)));
