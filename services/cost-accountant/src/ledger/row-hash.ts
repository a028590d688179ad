import { createHash } from "node:crypto";
import type { CostCharged } from "@sluice/contracts";
import type { LedgerEntry } from "./ledger-entry.ts";

/**
 * Returns the SHA-256 of an entry in its canonical form: a JSON array of the fields in the order below,
 * with maps as pairs in code-unit order and longs as decimal strings. `chargedAt` is left out, because a
 * replay writes the same charge at another time. A change of the form changes every replay hash.
 *
 * Input that was written to a prompt cache for an hour is a last field of its own, if there is any. Null and zero have no
 * field: rows that are older than this class have the form without it, and a replay of their meterings must give the same
 * hash. Neither moves money, so the hash does not distinguish them. A longer array is never equal to a shorter one.
 *
 * The windows and the run are one further field, a list, if there are any. The limit of a window and the number that the
 * ledger gave to the charge are left out: the former does not move money, and another ledger gives other numbers.
 */
export function rowHashOf({ charge, attemptNumber }: LedgerEntry): Buffer {
  const { attribution, usage } = charge;
  const fields = [
    charge.chargeId,
    charge.attemptId,
    charge.requestId,
    attemptNumber,
    charge.kind,
    attribution.tenant,
    attribution.team,
    attribution.feature,
    attribution.user,
    attribution.key,
    pairsOf(charge.tags),
    charge.variant,
    charge.provider,
    charge.model,
    charge.tier,
    charge.complexity,
    charge.lane,
    charge.cache,
    charge.calledAt,
    usage.inputTokens,
    usage.cachedInputTokens,
    usage.cacheWriteTokens,
    usage.outputTokens,
    usage.reasoningTokens,
    pairsOf(usage.otherTokens),
    charge.priceVersion,
    charge.priceNanoUsd,
    charge.amountNanoUsd,
    ...(usage.cacheWriteHourTokens ? [usage.cacheWriteHourTokens] : []),
    ...(charge.windows.length > 0 || charge.runId !== null ? [budgetedIn(charge)] : []),
  ];
  return createHash("sha256").update(JSON.stringify(fields, longsAsText)).digest();
}

/**
 * Returns a sum of row hashes modulo 2^256 as 64 hex digits. The sum does not depend on the order
 * of rows.
 */
export function formatReplayHash(sum: bigint): string {
  return BigInt.asUintN(256, sum).toString(16).padStart(64, "0");
}

/** Returns a row hash as a big-endian number. */
export function numberOf(rowHash: Buffer): bigint {
  return BigInt(`0x${rowHash.toString("hex")}`);
}

function budgetedIn({ windows, runId }: CostCharged): readonly unknown[] {
  const named = windows.map((window) => [
    window.budget,
    window.scope,
    window.opensAt,
    window.closesAt,
  ]);
  return [named, runId];
}

function pairsOf<V>(map: Readonly<Record<string, V>>): readonly (readonly [string, V])[] {
  return Object.entries(map).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function longsAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
