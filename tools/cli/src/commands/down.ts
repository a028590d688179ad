import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const downCommand = (finish: Finish) =>
  new Command("down")
    .summary("stop it")
    .description("Stops the launcher and whatever a killed one left behind.")
    .addOption(dataDirOption())
    .addOption(jsonOption("whether something ran, and what still does"))
    .action(async (options) =>
      finish(await (await import("../local-stack/down.ts")).down(options)),
    );
