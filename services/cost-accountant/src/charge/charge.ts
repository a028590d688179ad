import type { CostCharged, CostMetered, Usage } from "@sluice/contracts";
import {
  chargeIdOf,
  type EpochMillis,
  type NanoUsd,
  PermanentFault,
  type PriceBook,
  priceOf,
  type Rates,
} from "@sluice/domain";
import type { AccountantFaultCode } from "../faults.ts";
import type { LedgerEntry } from "../ledger/ledger.ts";

/** What the ledger does with one metering. */
export type Verdict =
  /** New to the ledger. */
  | { readonly kind: "charge"; readonly entry: LedgerEntry }
  /** The ledger has it; it is settled and published again. */
  | { readonly kind: "recorded"; readonly charge: CostCharged }
  /** An estimate of what has been reported. */
  | { readonly kind: "superseded" }
  | { readonly kind: "dead-letter"; readonly code: string; readonly reason: string };

/** A tenth of a million dollars: an attempt beyond it is a broken counter, and the rollups stay far from their bounds. */
const priceNanoUsdMax = 100_000n * 1_000_000_000n;
const invalidCode: AccountantFaultCode = "CHARGE_INVALID";
const unknownCode: AccountantFaultCode = "PRICE_UNKNOWN";
const firstTime = Date.UTC(2000, 0, 1);
const lastTime = Date.UTC(2200, 0, 1);

/**
 * Folds one metering onto what the ledger has of its attempt. The first of each
 * kind counts. A report after an estimate is one signed difference; a saving
 * moves no money. What cannot be priced becomes a dead letter, never free.
 *
 * @param standing all charges of the same attempt
 * @param now when the ledger takes it
 */
export function chargeOf(
  metered: CostMetered,
  standing: readonly CostCharged[],
  book: PriceBook,
  now: EpochMillis,
): Verdict {
  const chargeId = chargeIdOf(metered.attemptId, metered.kind);
  // Before anything is priced: a change of the price book must not turn a redelivery into a dead letter.
  const recorded = standing.find((charge) => charge.chargeId === chargeId);
  if (recorded) return { kind: "recorded", charge: recorded };
  if (metered.kind === "estimated" && standing.some(({ kind }) => kind === "reported"))
    return { kind: "superseded" };

  const priced = meteredPriceOf(metered, book);
  if (priced.kind === "dead-letter") return priced;
  const { version, priceNanoUsd } = priced;
  const estimate =
    metered.kind === "reported" ? standing.find(({ kind }) => kind === "estimated") : undefined;
  const amountNanoUsd =
    metered.kind === "saving" ? 0n : priceNanoUsd - (estimate?.amountNanoUsd ?? 0n);
  const charge: CostCharged = {
    chargeId,
    attemptId: metered.attemptId,
    requestId: metered.requestId,
    kind: metered.kind,
    attribution: metered.attribution,
    tags: metered.tags,
    variant: metered.variant,
    provider: metered.provider,
    model: metered.model,
    tier: metered.tier,
    complexity: metered.complexity,
    lane: metered.lane,
    cache: metered.cache,
    calledAt: metered.calledAt,
    chargedAt: now,
    usage: metered.usage,
    priceVersion: version,
    priceNanoUsd,
    amountNanoUsd,
  };
  return {
    kind: "charge",
    entry: { charge, attemptNumber: metered.attemptNumber, replaces: estimate?.usage ?? null },
  };
}

type Priced =
  | { readonly kind: "priced"; readonly version: string; readonly priceNanoUsd: NanoUsd }
  | { readonly kind: "dead-letter"; readonly code: string; readonly reason: string };

function meteredPriceOf({ variant, calledAt, usage }: CostMetered, book: PriceBook): Priced {
  const invalid = whatIsWrongWith(usage, calledAt);
  if (invalid) return deadLetter(invalidCode, invalid);
  const price = book.priceOf(variant, calledAt, allInputOf(usage));
  if (!price) {
    const at = new Date(calledAt).toISOString();
    return deadLetter(unknownCode, `No price was declared for "${variant}" at ${at}.`);
  }
  const outcome = applied(usage, price.rates);
  if (typeof outcome !== "bigint") return deadLetter(outcome.code, outcome.message);
  if (outcome > priceNanoUsdMax)
    return deadLetter(invalidCode, `${outcome} nano-USD for one attempt is beyond belief.`);
  return { kind: "priced", version: price.version, priceNanoUsd: outcome };
}

function applied(usage: Usage, rates: Rates): NanoUsd | PermanentFault {
  try {
    return priceOf(usage, rates);
  } catch (fault) {
    if (fault instanceof PermanentFault) return fault;
    throw fault;
  }
}

function whatIsWrongWith(usage: Usage, calledAt: EpochMillis): string | undefined {
  const { otherTokens, ...named } = usage;
  const counts = [...Object.values(named), ...Object.values(otherTokens)];
  if (counts.some((tokens) => tokens !== null && tokens < 0n)) return "Tokens are below zero.";
  if (calledAt < firstTime || calledAt > lastTime) return "calledAt is no time of this system.";
  return undefined;
}

/** What the size conditions of prices are about. */
function allInputOf({ inputTokens, cachedInputTokens, cacheWriteTokens }: Usage): bigint {
  return (inputTokens ?? 0n) + (cachedInputTokens ?? 0n) + (cacheWriteTokens ?? 0n);
}

function deadLetter(code: string, reason: string): Priced & Verdict {
  return { kind: "dead-letter", code, reason };
}
