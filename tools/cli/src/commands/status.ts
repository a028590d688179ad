import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const statusCommand = (finish: Finish) =>
  new Command("status")
    .summary("show which parts of the local stack are ready")
    .description(
      "Checks every part now, and shows which are ready. The exit code is 1 if a part\n" +
        "is not ready.",
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("addresses, demo key, and every part"))
    .action(async (options) =>
      finish(await (await import("../local-stack/status.ts")).status(options)),
    );
