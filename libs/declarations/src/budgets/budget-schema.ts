import { budgetPeriods, isTimeZone, type NanoUsd, parseUsd, tiers } from "@sluice/domain";
import { z } from "zod";
import { anyOf, declaredId, declaredName } from "../declared-names.ts";

/** Four billion dollars. Sums of two limits stay within the 64-bit types of the stores. */
const limitNanoUsdMax = 4_000_000_000n * 1_000_000_000n;

/** Accepts dollars and gives them exactly, in nano-dollars. */
const limitUsd = z.union([z.number(), z.string()]).transform((value, context): NanoUsd => {
  const amount = parseUsd(String(value));
  if (amount !== undefined && amount > 0n && amount <= limitNanoUsdMax) return amount;
  context.addIssue(
    "expected dollars above zero and at most 4,000,000,000, as a decimal number with at most nine decimals",
  );
  return z.NEVER;
});

const runId = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/, "expected 1 to 128 printable ASCII characters");

const selector = z
  .strictObject({
    team: anyOf(declaredName),
    feature: anyOf(declaredName),
    user: anyOf(declaredName),
    key: anyOf(declaredId),
    run: anyOf(runId),
    tier: anyOf(z.enum(tiers)),
    model: anyOf(declaredName),
    provider: anyOf(declaredId),
  })
  .prefault({});

const each = z
  .array(z.enum(["team", "feature", "user", "key", "run", "tier", "model", "provider"]))
  .default([]);

export const timeZone = z
  .string()
  .refine(isTimeZone, "expected a time zone of the IANA database, for example Europe/Berlin")
  .default("UTC")
  .describe("The time zone in which the tenant's days, weeks and months begin.");

export const budget = z.strictObject({
  id: declaredId.describe(
    "Appears in responses and reports. A budget with the id of an earlier one continues with what that one has spent.",
  ),
  tenant: declaredId
    .optional()
    .describe("The tenant whose attempts count; if absent, each tenant has this budget."),
  limitUsd: limitUsd.describe(
    "The most that the attempts may cost within a period, in US dollars.",
  ),
  period: z
    .enum(budgetPeriods)
    .describe(
      "day, week (from Monday), month, total, or run: each agent run, which requests name with x-sluice-run.",
    ),
  selector: selector.describe(
    "Which attempts count: any combination of team, feature, user, key, run, tier, model and provider, each with a value or a list; all attempts if absent.",
  ),
  each: each.describe(
    "Members of the selector for whose values the limit holds separately, for example [user] for a limit per user.",
  ),
  soft: z.boolean().default(false).describe("Whether the budget only counts, and refuses nothing."),
});

export type DeclaredBudget = z.output<typeof budget>;
