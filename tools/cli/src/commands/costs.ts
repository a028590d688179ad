import { Command, Option } from "@commander-js/extra-typings";
import { dataDirOption, type Finish, jsonOption } from "./definition.ts";

export const costsCommand = (finish: Finish) =>
  new Command("costs")
    .summary("what was spent and saved")
    .description("What was spent and saved, in exact dollars, from the ledger's hourly sums.")
    .addOption(
      new Option("--by <list>", "what to sum by, commas between").default("tenant", "tenant"),
    )
    .addOption(new Option("--tenant <id>", "of one tenant alone").default(undefined, "all"))
    .addOption(
      new Option("--since <hour>", "from this hour on, 2026-01-31T15:00Z").default(
        undefined,
        "ever",
      ),
    )
    .addOption(new Option("--until <hour>", "before this hour").default(undefined, "now"))
    .addOption(
      new Option("--format <format>", "table, json or csv")
        .choices(["table", "json", "csv"] as const)
        .default("table" as const, "table"),
    )
    .addOption(dataDirOption())
    .addOption(jsonOption("the same as --format json").conflicts("format"))
    .addHelpText(
      "after",
      "\n--by: tenant, team, feature, user, key, model, variant, provider, tier, cache,\n" +
        "complexity, lane, hour. Hours are whole, in RFC 3339. In CSV a name that begins\n" +
        "like a formula (= + - @) has a ' before it; JSON has it as it is.",
    )
    .action(async ({ json, ...options }) =>
      finish(
        await (
          await import("../costs/costs.ts")
        ).costs(json ? { ...options, format: "json" } : options),
      ),
    );
