import type { CostCharged } from "@sluice/contracts";
import { tokenClasses } from "@sluice/domain";
import type { ChargeNumber, LedgerEntry } from "./ledger-entry.ts";
import { rowHashOf } from "./row-hash.ts";
import { type StoredWindow, windowsFrom, windowsJson } from "./stored-windows.ts";
import { type UsageChange, usageChangeNames, usageChangeOf } from "./usage-change.ts";

/** A column of a slice, which is sent to the database as an array. */
interface Column {
  readonly name: string;
  readonly type: string;
  readonly of: (
    entry: LedgerEntry,
    change: UsageChange,
    number: ChargeNumber,
  ) => string | number | bigint | null;
}

/** The columns of the table `charges`. */
export const chargeColumns: readonly Column[] = [
  { name: "charge_id", type: "text", of: ({ charge }) => charge.chargeId },
  { name: "attempt_id", type: "text", of: ({ charge }) => charge.attemptId },
  { name: "request_id", type: "text", of: ({ charge }) => charge.requestId },
  { name: "attempt_number", type: "integer", of: ({ attemptNumber }) => attemptNumber },
  { name: "kind", type: "text", of: ({ charge }) => charge.kind },
  { name: "tenant", type: "text", of: ({ charge }) => charge.attribution.tenant },
  { name: "team", type: "text", of: ({ charge }) => charge.attribution.team },
  { name: "feature", type: "text", of: ({ charge }) => charge.attribution.feature },
  { name: "user_id", type: "text", of: ({ charge }) => charge.attribution.user },
  { name: "key_id", type: "text", of: ({ charge }) => charge.attribution.key },
  { name: "tags", type: "jsonb", of: ({ charge }) => JSON.stringify(charge.tags) },
  { name: "variant", type: "text", of: ({ charge }) => charge.variant },
  { name: "provider", type: "text", of: ({ charge }) => charge.provider },
  { name: "model", type: "text", of: ({ charge }) => charge.model },
  { name: "tier", type: "text", of: ({ charge }) => charge.tier },
  { name: "complexity", type: "text", of: ({ charge }) => charge.complexity },
  { name: "lane", type: "text", of: ({ charge }) => charge.lane },
  { name: "cache", type: "text", of: ({ charge }) => charge.cache },
  { name: "called_at", type: "timestamptz", of: ({ charge }) => isoOf(charge.calledAt) },
  { name: "charged_at", type: "timestamptz", of: ({ charge }) => isoOf(charge.chargedAt) },
  ...tokenClasses.map((name): Column => ({
    name: snakeCase(name),
    type: "bigint",
    of: ({ charge }) => charge.usage[name],
  })),
  { name: "other_tokens", type: "jsonb", of: ({ charge }) => otherTokensJson(charge) },
  { name: "price_version", type: "text", of: ({ charge }) => charge.priceVersion },
  { name: "price_nano_usd", type: "bigint", of: ({ charge }) => charge.priceNanoUsd },
  { name: "amount_nano_usd", type: "bigint", of: ({ charge }) => charge.amountNanoUsd },
  {
    name: "windows",
    type: "jsonb",
    of: ({ charge }) => windowsJson(charge.attribution.tenant, charge.windows),
  },
  { name: "run_id", type: "text", of: ({ charge }) => charge.runId },
  { name: "ledger_partition", type: "integer", of: (_entry, _change, { partition }) => partition },
  { name: "ledger_sequence", type: "bigint", of: (_entry, _change, { sequence }) => sequence },
  { name: "row_hash", type: "bytea", of: (entry) => `\\x${rowHashOf(entry).toString("hex")}` },
];

/** The columns of sums in the table `usage_hourly`, with what an entry adds to each. */
export const sumColumns: readonly Column[] = usageChangeNames.map((name) => ({
  name: snakeCase(name),
  type: "bigint",
  of: (_entry, change) => change[name],
}));

/**
 * Returns the arrays of a slice: one for each column of both lists, in their order.
 *
 * @param numberOf returns the number of the entry at a position
 */
export function columnArraysOf(
  entries: readonly LedgerEntry[],
  numberOf: (position: number) => ChargeNumber,
): readonly (readonly (string | number | bigint | null)[])[] {
  const changes = entries.map(usageChangeOf);
  return [...chargeColumns, ...sumColumns].map((column) =>
    entries.map((entry, index) => column.of(entry, changes[index]!, numberOf(index))),
  );
}

/** A row of `charges` as the driver returns it. */
export interface ChargeRow {
  readonly charge_id: string;
  readonly attempt_id: string;
  readonly request_id: string;
  readonly kind: CostCharged["kind"];
  readonly tenant: string;
  readonly team: string;
  readonly feature: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly variant: string;
  readonly provider: string;
  readonly model: string;
  readonly tier: CostCharged["tier"];
  readonly complexity: CostCharged["complexity"];
  readonly lane: CostCharged["lane"];
  readonly cache: CostCharged["cache"];
  readonly called_at: Date;
  readonly charged_at: Date;
  readonly input_tokens: bigint | null;
  readonly cached_input_tokens: bigint | null;
  readonly cache_write_tokens: bigint | null;
  readonly cache_write_hour_tokens: bigint | null;
  readonly output_tokens: bigint | null;
  readonly reasoning_tokens: bigint | null;
  readonly other_tokens: Readonly<Record<string, string>>;
  readonly price_version: string;
  readonly price_nano_usd: bigint;
  readonly amount_nano_usd: bigint;
  readonly windows: readonly StoredWindow[] | null;
  readonly run_id: string | null;
  readonly ledger_partition: number | null;
  readonly ledger_sequence: bigint | null;
}

/** Returns the number of a row's charge; undefined for a row of an older version. */
export function numberIn(row: ChargeRow): ChargeNumber | undefined {
  const { ledger_partition: partition, ledger_sequence: sequence } = row;
  return partition === null || sequence === null ? undefined : { partition, sequence };
}

/** Returns the charge of a row. */
export function chargeFrom(row: ChargeRow): CostCharged {
  const { tenant, team, feature, user_id: user, key_id: key } = row;
  return {
    chargeId: row.charge_id,
    attemptId: row.attempt_id,
    requestId: row.request_id,
    kind: row.kind,
    attribution: { tenant, team, feature, user, key, signature: "" },
    tags: row.tags,
    variant: row.variant,
    provider: row.provider,
    model: row.model,
    tier: row.tier,
    complexity: row.complexity,
    lane: row.lane,
    cache: row.cache,
    calledAt: row.called_at.getTime(),
    chargedAt: row.charged_at.getTime(),
    usage: {
      inputTokens: row.input_tokens,
      cachedInputTokens: row.cached_input_tokens,
      cacheWriteTokens: row.cache_write_tokens,
      cacheWriteHourTokens: row.cache_write_hour_tokens,
      outputTokens: row.output_tokens,
      reasoningTokens: row.reasoning_tokens,
      otherTokens: Object.fromEntries(
        Object.entries(row.other_tokens).map(([name, tokens]) => [name, BigInt(tokens)]),
      ),
    },
    priceVersion: row.price_version,
    priceNanoUsd: row.price_nano_usd,
    amountNanoUsd: row.amount_nano_usd,
    windows: windowsFrom(row.windows),
    runId: row.run_id,
  };
}

function otherTokensJson({ usage }: CostCharged): string {
  const asText = Object.entries(usage.otherTokens).map(([name, tokens]) => [name, String(tokens)]);
  return JSON.stringify(Object.fromEntries(asText));
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}

/** Returns the name of a column for a name in camel case. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
