import type { CostCharged, CostMetered, Usage } from "@sluice/contracts";
import {
  allInputOf,
  chargeIdOf,
  type EpochMillis,
  type NanoUsd,
  PermanentFault,
  type PriceBook,
  priceOf,
  type Rates,
} from "@sluice/domain";
import type { AccountantFaultCode } from "../faults.ts";
import type { LedgerEntry } from "../ledger/ledger-entry.ts";

/** What the ledger does with a metering. */
export type Verdict =
  /** The charge is new to the ledger. */
  | { readonly kind: "charge"; readonly entry: LedgerEntry }
  /** The ledger has the charge, which is settled and published again. */
  | { readonly kind: "recorded"; readonly charge: CostCharged }
  /** The metering is an estimate of an attempt that has been reported. */
  | { readonly kind: "superseded" }
  | { readonly kind: "dead-letter"; readonly code: string; readonly reason: string };

/**
 * 100,000 US dollars. A higher price of one attempt means that a counter is broken. The limit also keeps
 * the sums far from the range of their type.
 */
const priceNanoUsdMax = 100_000n * 1_000_000_000n;
const invalidCode: AccountantFaultCode = "CHARGE_INVALID";
const unknownCode: AccountantFaultCode = "PRICE_UNKNOWN";
const firstTime = Date.UTC(2000, 0, 1);
const lastTime = Date.UTC(2200, 0, 1);

/**
 * Decides how a metering changes the charges of its attempt. The first metering of each kind counts. A
 * report after an estimate is charged as one signed difference, and a saving moves no money. A metering
 * that cannot be priced becomes a dead letter and is never free. Pure.
 *
 * @param recordedCharges all charges of the same attempt
 * @param now the time of the new charge
 */
export function chargeOf(
  metered: CostMetered,
  recordedCharges: readonly CostCharged[],
  book: PriceBook,
  now: EpochMillis,
): Verdict {
  const chargeId = chargeIdOf(metered.attemptId, metered.kind);
  // Checked before pricing, so that a change of the price book cannot turn a redelivery into a dead letter.
  const recorded = recordedCharges.find((charge) => charge.chargeId === chargeId);
  if (recorded) return { kind: "recorded", charge: signedAgain(recorded, metered) };
  if (metered.kind === "estimated" && recordedCharges.some(({ kind }) => kind === "reported"))
    return { kind: "superseded" };

  const priced = meteredPriceOf(metered, book);
  if (priced.kind === "dead-letter") return priced;
  const { version, priceNanoUsd } = priced;
  const estimate =
    metered.kind === "reported"
      ? recordedCharges.find(({ kind }) => kind === "estimated")
      : undefined;
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
    windows: metered.windows,
    runId: metered.runId,
  };
  return {
    kind: "charge",
    entry: { charge, attemptNumber: metered.attemptNumber, replaces: estimate?.usage ?? null },
  };
}

/** The ledger does not store signatures. A charge that is published again must equal the first one. */
function signedAgain(
  charge: CostCharged,
  { attribution: { signature } }: CostMetered,
): CostCharged {
  return { ...charge, attribution: { ...charge.attribution, signature } };
}

type Priced =
  | { readonly kind: "priced"; readonly version: string; readonly priceNanoUsd: NanoUsd }
  | { readonly kind: "dead-letter"; readonly code: string; readonly reason: string };

function meteredPriceOf({ variant, calledAt, usage }: CostMetered, book: PriceBook): Priced {
  const invalid = problemOf(usage, calledAt);
  if (invalid) return deadLetter(invalidCode, invalid);
  const price = book.priceOf(variant, calledAt, allInputOf(usage));
  if (!price) {
    const at = new Date(calledAt).toISOString();
    return deadLetter(
      unknownCode,
      `There is no price for "${variant}" at ${at}. Declare one in sluice.yaml, then replay this dead letter.`,
    );
  }
  const applied = applyRates(usage, price.rates);
  if (typeof applied !== "bigint") return deadLetter(applied.code, applied.message);
  if (applied > priceNanoUsdMax)
    return deadLetter(
      invalidCode,
      `The price of the attempt is ${applied} nano-USD, which is above the limit of ${priceNanoUsdMax}. Check the usage that the provider reported.`,
    );
  return { kind: "priced", version: price.version, priceNanoUsd: applied };
}

function applyRates(usage: Usage, rates: Rates): NanoUsd | PermanentFault {
  try {
    return priceOf(usage, rates);
  } catch (fault) {
    if (fault instanceof PermanentFault) return fault;
    throw fault;
  }
}

function problemOf(usage: Usage, calledAt: EpochMillis): string | undefined {
  const { otherTokens, ...named } = usage;
  const counts = [...Object.values(named), ...Object.values(otherTokens)];
  if (counts.some((tokens) => tokens !== null && tokens < 0n))
    return "A count of tokens is below zero.";
  if (calledAt < firstTime || calledAt > lastTime)
    return `calledAt is ${calledAt}, which is not a time between the years 2000 and 2200.`;
  return undefined;
}

function deadLetter(code: string, reason: string): Priced & Verdict {
  return { kind: "dead-letter", code, reason };
}
