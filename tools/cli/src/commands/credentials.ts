import { Command } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const credentialsCommand = (finish: Finish) =>
  new Command("credentials")
    .summary("print the passwords of the local stack")
    .description(
      "Prints the addresses of PostgreSQL and Redis with their passwords, and the keys\n" +
        "of the simulator and of the demo, for psql, redis-cli and curl.",
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("host, port, user and password of each server"))
    .action(async (options) =>
      finish(await (await import("../local-stack/credentials.ts")).credentials(options)),
    );
