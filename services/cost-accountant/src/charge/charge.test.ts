import { PriceBook, type PriceEntry } from "@sluice/domain";
import { someRates } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { book, calledAt, meteredOf, usageOf } from "../../test/fixtures.ts";
import { chargeOf, type Verdict } from "./charge.ts";

const now = calledAt + 1_000;
const chargedBy = (verdict: Verdict) => {
  if (verdict.kind !== "charge") throw new Error(`The verdict is ${verdict.kind}, not charge.`);
  return verdict.entry.charge;
};
const reported = meteredOf();
const estimated = meteredOf({
  kind: "estimated",
  usage: usageOf({ inputTokens: 100n, outputTokens: 60n }),
});

test("reported usage is charged at the price in force when the provider was called", () => {
  expect(chargedBy(chargeOf(reported, [], book, now))).toMatchObject({
    kind: "reported",
    priceNanoUsd: 140_000n,
    amountNanoUsd: 140_000n,
    priceVersion: "small@2026-01-01T00:00:00.000Z",
    chargedAt: now,
  });
});

test("the price for long inputs applies if the input of all classes together is long", () => {
  const priceOf = (inputAboveTokens: bigint | null, inputNanoUsd: bigint): PriceEntry => ({
    ...{ variant: "small", effectiveFrom: 0, inputAboveTokens },
    rates: { ...someRates, inputNanoUsd, cachedInputNanoUsd: null, outputNanoUsd: 0n },
  });
  const long = new PriceBook([priceOf(null, 1_000_000n), priceOf(400n, 2_000_000n)]);
  const priceNanoUsdOf = (cacheWriteHourTokens: bigint) => {
    const inputs = { inputTokens: 100n, cachedInputTokens: 100n, cacheWriteTokens: 100n };
    const usage = usageOf({ ...inputs, cacheWriteHourTokens });
    return chargedBy(chargeOf(meteredOf({ usage }), [], long, now)).priceNanoUsd;
  };
  expect(priceNanoUsdOf(100n)).toBe(400n);
  expect(priceNanoUsdOf(101n)).toBe(802n);
});

test("a report after an estimate is charged as one signed difference", () => {
  const estimate = chargedBy(chargeOf(estimated, [], book, now));
  const report = chargedBy(chargeOf(reported, [estimate], book, now));
  expect(estimate.amountNanoUsd).toBe(340_000n);
  expect(report).toMatchObject({ priceNanoUsd: 140_000n, amountNanoUsd: -200_000n });
});

test("an estimate after a report charges nothing", () => {
  const report = chargedBy(chargeOf(reported, [], book, now));
  expect(chargeOf(estimated, [report], book, now)).toEqual({ kind: "superseded" });
});

test("a repeated metering returns the recorded charge, even if its price is no longer declared", () => {
  const first = chargedBy(chargeOf(reported, [], book, now));
  const again = meteredOf({ variant: "withdrawn" });
  expect(chargeOf(again, [first], book, now + 9)).toEqual({ kind: "recorded", charge: first });
});

test("a saving states its price and moves no money", () => {
  const saving = meteredOf({ kind: "saving", attemptNumber: 0, cache: "exact" });
  expect(chargedBy(chargeOf(saving, [], book, now))).toMatchObject({
    priceNanoUsd: 140_000n,
    amountNanoUsd: 0n,
  });
});

test("a reported zero is a charge of zero", () => {
  const refused = meteredOf({ usage: usageOf({}), reason: "refused" });
  expect(chargedBy(chargeOf(refused, [], book, now)).amountNanoUsd).toBe(0n);
});

const codeFor = (given: Parameters<typeof meteredOf>[0]) => {
  const verdict = chargeOf(meteredOf(given), [], book, now);
  return verdict.kind === "dead-letter" ? verdict.code : verdict.kind;
};

test("a metering that cannot be priced becomes a dead letter and is never free", () => {
  expect(codeFor({ variant: "unheard-of" })).toBe("PRICE_UNKNOWN");
  expect(codeFor({ variant: "unheard-of", usage: usageOf({}) })).toBe("PRICE_UNKNOWN");
  expect(codeFor({ calledAt: Date.UTC(2025, 0, 1) })).toBe("PRICE_UNKNOWN");
  expect(codeFor({ usage: usageOf({ outputTokens: null }) })).toBe("PRICE_USAGE_MISSING");
  expect(codeFor({ usage: usageOf({ otherTokens: { video: 1n } }) })).toBe("PRICE_RATE_MISSING");
  expect(codeFor({ usage: usageOf({ outputTokens: -1n }) })).toBe("CHARGE_INVALID");
  expect(codeFor({ usage: usageOf({ outputTokens: 2n ** 62n }) })).toBe("CHARGE_INVALID");
  expect(codeFor({ calledAt: -1 })).toBe("CHARGE_INVALID");
});

test("a charge that is published again has the signature of its metering, which the ledger does not store", () => {
  const charge = chargedBy(chargeOf(reported, [], book, now));
  const stored = { ...charge, attribution: { ...charge.attribution, signature: "" } };
  expect(chargeOf(reported, [stored], book, now + 1)).toEqual({ kind: "recorded", charge });
});
