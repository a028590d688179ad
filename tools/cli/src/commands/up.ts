import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption } from "./definition.ts";

export const upCommand = (finish: Finish) =>
  new Command("up")
    .summary("start everything, and keep it running until Ctrl-C")
    .description(
      "Starts Kafka, schema registry, Redis, PostgreSQL, the provider simulator and the\n" +
        "six services, and keeps them running until Ctrl-C.",
    )
    .addOption(switchOption("--detach", "return when it is ready; the launcher stays"))
    .addOption(switchOption("--parts-only", "only Kafka, schema registry, Redis and PostgreSQL"))
    .addOption(switchOption("--free-ports", "choose free ports, once per data directory"))
    .option("--no-demo", "leave out the demo of the first start")
    .addOption(dataDirOption())
    .addOption(jsonOption("once ready, what status --json prints"))
    .action(async (options) => finish(await (await import("../local-stack/up.ts")).up(options)));
