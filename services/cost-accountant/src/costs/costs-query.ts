import type { CostsAnswer, CostsSums } from "@sluice/contracts";
import { type Dimension, dimensions, isDimension, isWholeHour } from "../ledger/dimensions.ts";
import type { Costs, CostsQuery } from "../ledger/ledger.ts";
import type { UsageChange } from "../ledger/usage-change.ts";

export type ParsedCostsQuery =
  | { readonly kind: "valid"; readonly query: CostsQuery }
  | { readonly kind: "invalid"; readonly error: string };

const parameters = new Set(["by", "tenant", "since", "until"]);
/**
 * The limit of rows. A person cannot read more, and the rows and the answer are in memory at the
 * same time.
 */
const rowsMax = 10_000;

/**
 * Parses the parameters of `GET /costs`: `by` (such as `tenant,team`; `tenant` if it is missing), `tenant`,
 * and `since` and `until`, which are whole hours in RFC 3339. Pure.
 */
export function parseCostsQuery(given: URLSearchParams): ParsedCostsQuery {
  const unknown = [...given.keys()].find((name) => !parameters.has(name));
  if (unknown !== undefined)
    return invalid(`There is no parameter "${unknown}". Use ${[...parameters].join(", ")}.`);

  const tenant = given.get("tenant");
  if (tenant !== null && /\p{Cc}/u.test(tenant))
    return invalid('"tenant" must not contain control characters.');
  const by = new Set<Dimension>();
  for (const name of (given.get("by") ?? "tenant").split(",")) {
    if (!isDimension(name))
      return invalid(`There is no dimension "${name}". Use ${dimensions.join(", ")}.`);
    by.add(name);
  }
  const since = timeOf(given.get("since"));
  const until = timeOf(given.get("until"));
  if (since === undefined || until === undefined)
    return invalid('"since" and "until" must be whole hours, such as 2026-01-31T15:00:00Z.');
  const query = { by: [...by], tenant, since, until, rowsMax };
  return { kind: "valid", query };
}

/** Returns the time, null if it is missing, or undefined if it is invalid. */
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

/** Returns the answer of `GET /costs` for the sums of a query. */
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
      cacheWriteHour: String(sums.cacheWriteHourTokens),
      output: String(sums.outputTokens),
      reasoning: String(sums.reasoningTokens),
      other: String(sums.otherTokens),
    },
    savedTokens: { input: String(sums.savedInputTokens), output: String(sums.savedOutputTokens) },
    spendNanoUsd: String(sums.spendNanoUsd),
    savedNanoUsd: String(sums.savedNanoUsd),
  };
}
