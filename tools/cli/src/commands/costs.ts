import { Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const costsCommand = (finish: Finish) =>
  new Command("costs")
    .summary("show what was spent and saved")
    .description("Shows what was spent and saved, in exact dollars, from the ledger's hourly sums.")
    .addOption(new Option("--by <list>", "comma-separated dimensions").default("tenant", "tenant"))
    .addOption(new Option("--tenant <id>", "only this tenant").default(undefined, "all"))
    .addOption(
      new Option("--since <hour>", "first hour, as 2026-01-31T15:00Z").default(
        undefined,
        "earliest",
      ),
    )
    .addOption(new Option("--until <hour>", "end hour, exclusive").default(undefined, "now"))
    .addOption(
      new Option("--format <format>", "table, json or csv")
        .choices(["table", "json", "csv"] as const)
        .default("table" as const, "table"),
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("the same as --format json").conflicts("format"))
    .addHelpText(
      "after",
      "\nDimensions: tenant, team, feature, user, key, model, variant, provider, tier,\n" +
        "cache, complexity, lane, hour. Hours are whole hours in RFC 3339. In CSV, a name\n" +
        "that begins like a formula (= + - @) gets a leading '; JSON shows it unchanged.\n" +
        "SLUICE_COSTS_TOKEN or SLUICE_COSTS_TOKEN_FILE gives the accountant's token; a\n" +
        "local stack with accounts has one.",
    )
    .action(async ({ json, ...options }) =>
      finish(
        await (
          await import("../costs/costs.ts")
        ).costs(json ? { ...options, format: "json" } : options),
      ),
    );
