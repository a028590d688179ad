import { Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption, switchOption } from "./definition.ts";

export const credentialsCommand = (finish: Finish) =>
  new Command("credentials")
    .summary("print the passwords of the local stack")
    .description(
      "Prints the addresses of PostgreSQL and Redis with their passwords, the accounts of\n" +
        "Kafka and the registry, and the keys of the simulator and of the demo, for psql,\n" +
        "redis-cli, Kafka clients and curl.",
    )
    .addOption(
      switchOption("--env", "print shell exports for a program that uses Kafka").conflicts("json"),
    )
    .addOption(
      new Option(
        "--tenant <id>",
        "with --env: exports for the programs of a tenant that has topics of its own",
      )
        .default(undefined, "the operator's account")
        .conflicts("json"),
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("address, user and password of each server"))
    .action(async (options) =>
      finish(await (await import("../local-stack/credentials.ts")).credentials(options)),
    );
