import { createHash } from "node:crypto";
import type { LedgerEntry } from "./ledger.ts";

/**
 * SHA-256 over the entry in one canonical form: a JSON array of its fields in
 * the order written here, maps as pairs in code-unit order, longs as decimal
 * strings. `chargedAt` is left out, as a replay takes the same charge at
 * another time. To change this order is to change every replay hash.
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
  ];
  return createHash("sha256").update(JSON.stringify(fields, longsAsText)).digest();
}

/** The sum of row hashes, read as big-endian numbers, modulo 2^256: free of order. As 64 hex digits. */
export function formatReplayHash(sum: bigint): string {
  return BigInt.asUintN(256, sum).toString(16).padStart(64, "0");
}

export function numberOf(rowHash: Buffer): bigint {
  return BigInt(`0x${rowHash.toString("hex")}`);
}

function pairsOf<V>(map: Readonly<Record<string, V>>): readonly (readonly [string, V])[] {
  return Object.entries(map).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function longsAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
