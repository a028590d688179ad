import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const downCommand = (finish: Finish) =>
  new Command("down")
    .summary("stop the local stack")
    .description("Stops the launcher, and every process that a killed launcher left running.")
    .addOption(dataDirOption())
    .addOption(jsonOption("whether the stack ran, and what still runs"))
    .action(async (options) =>
      finish(await (await import("../local-stack/down.ts")).down(options)),
    );
