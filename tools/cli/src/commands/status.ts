import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const statusCommand = (finish: Finish) =>
  new Command("status")
    .summary("say what runs; 1 when something is not ready")
    .description("Asks every part now, and says what is ready. Exit code 1 when something is not.")
    .addOption(dataDirOption())
    .addOption(jsonOption("addresses, demo key, and every part"))
    .action(async (options) =>
      finish(await (await import("../local-stack/status.ts")).status(options)),
    );
