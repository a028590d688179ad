import type { CostsAnswer, CostsSums } from "@sluice/contracts";
import { type Dimension, dimensions, isDimension, isWholeHour } from "./dimensions.ts";
import type { Costs, CostsQuery } from "../ledger/ports.ts";
import type { UsageChange } from "../charge/usage-change.ts";

export type ParsedCostsQuery =
  | { readonly kind: "valid"; readonly query: CostsQuery }
  | { readonly kind: "invalid"; readonly error: string };

const known = new Set(["by", "tenant", "since", "until"]);
/** More rows are no table to read, and their answer would stand in memory twice. */
const rowsMax = 10_000;

/** `by=tenant,team`, by tenant where absent; `tenant`; `since` and `until` as whole hours, RFC 3339. Pure. */
export function parseCostsQuery(given: URLSearchParams): ParsedCostsQuery {
  const stranger = [...given.keys()].find((name) => !known.has(name));
  if (stranger !== undefined)
    return invalid(`There is no parameter "${stranger}"; there are ${[...known].join(", ")}.`);

  const by = new Set<Dimension>();
  for (const name of (given.get("by") ?? "tenant").split(",")) {
    if (!isDimension(name))
      return invalid(`There is no dimension "${name}"; there are ${dimensions.join(", ")}.`);
    by.add(name);
  }
  const since = timeOf(given.get("since"));
  const until = timeOf(given.get("until"));
  if (since === undefined || until === undefined)
    return invalid('"since" and "until" are whole hours, such as 2026-01-31T15:00:00Z.');
  const query = { by: [...by], tenant: given.get("tenant"), since, until, rowsMax };
  return { kind: "valid", query };
}

/** null: not given; undefined: not usable. */
function timeOf(text: string | null): number | null | undefined {
  if (text === null) return null;
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text))
    return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) || !isWholeHour(time) ? undefined : time;
}

function invalid(error: string): ParsedCostsQuery {
  return { kind: "invalid", error };
}

export function costsAnswerOf(
  { by, rowsMax: max }: CostsQuery,
  { rows, total }: Costs,
): CostsAnswer {
  return {
    by,
    rows: rows.map(({ dimensions: values, sums }) => ({ dimensions: values, ...answerOf(sums) })),
    total: answerOf(total),
    truncated: rows.length === max,
  };
}

function answerOf(sums: UsageChange): CostsSums {
  return {
    requests: Number(sums.requests),
    attempts: Number(sums.attempts),
    hits: Number(sums.hits),
    tokens: {
      input: String(sums.inputTokens),
      cachedInput: String(sums.cachedInputTokens),
      cacheWrite: String(sums.cacheWriteTokens),
      output: String(sums.outputTokens),
      reasoning: String(sums.reasoningTokens),
      other: String(sums.otherTokens),
    },
    savedTokens: { input: String(sums.savedInputTokens), output: String(sums.savedOutputTokens) },
    spendNanoUsd: String(sums.spendNanoUsd),
    savedNanoUsd: String(sums.savedNanoUsd),
  };
}
