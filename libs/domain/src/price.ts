import { PermanentFault } from "./faults.ts";
import { divideHalfEven, type NanoUsd, tokensPerRate } from "./money.ts";
import {
  inputClasses,
  outputClasses,
  type TokenClass,
  tokenClasses,
  type TokenUsage,
} from "./usage.ts";

/** Nano-USD per million tokens, as published. A class without its own rate has the rate of its parent class. */
export interface Rates {
  readonly inputNanoUsd: NanoUsd;
  readonly outputNanoUsd: NanoUsd;
  /** null: billed as input. */
  readonly cachedInputNanoUsd: NanoUsd | null;
  /** null: billed as input. */
  readonly cacheWriteNanoUsd: NanoUsd | null;
  /** null: billed as a cache write. */
  readonly cacheWriteHourNanoUsd: NanoUsd | null;
  /** null: billed as output. */
  readonly reasoningNanoUsd: NanoUsd | null;
  /** By the class's name. */
  readonly otherNanoUsd: Readonly<Record<string, NanoUsd>>;
}

/** How a class is billed. */
const rateOf: Readonly<Record<TokenClass, (rates: Rates) => NanoUsd>> = {
  inputTokens: (rates) => rates.inputNanoUsd,
  cachedInputTokens: (rates) => rates.cachedInputNanoUsd ?? rates.inputNanoUsd,
  cacheWriteTokens: (rates) => rates.cacheWriteNanoUsd ?? rates.inputNanoUsd,
  cacheWriteHourTokens: (rates) =>
    rates.cacheWriteHourNanoUsd ?? rates.cacheWriteNanoUsd ?? rates.inputNanoUsd,
  outputTokens: (rates) => rates.outputNanoUsd,
  reasoningTokens: (rates) => rates.reasoningNanoUsd ?? rates.outputNanoUsd,
};

export type PriceFaultCode = "PRICE_USAGE_MISSING" | "PRICE_RATE_MISSING";

/**
 * Returns the price of one attempt in nano-USD. The sum over all classes is rounded once. Missing
 * usage and missing rates are faults, because they would otherwise be free.
 *
 * @throws PermanentFault `PRICE_USAGE_MISSING` if input or output tokens were not counted,
 *   `PRICE_RATE_MISSING` for a class that the rates do not name
 */
export function priceOf(usage: TokenUsage, rates: Rates): NanoUsd {
  if (usage.inputTokens === null || usage.outputTokens === null)
    throw new PermanentFault(
      "PRICE_USAGE_MISSING",
      "The input or output tokens of an attempt were not counted, so it cannot be priced.",
    );

  const named = tokenClasses.reduce(
    (sum, name) => sum + (usage[name] ?? 0n) * rateOf[name](rates),
    0n,
  );
  return divideHalfEven(named + otherPriceOf(usage, rates), tokensPerRate);
}

function otherPriceOf(usage: TokenUsage, rates: Rates): bigint {
  let sum = 0n;
  for (const [name, tokens] of Object.entries(usage.otherTokens)) {
    const rate = rates.otherNanoUsd[name];
    if (rate === undefined && tokens > 0n)
      throw new PermanentFault(
        "PRICE_RATE_MISSING",
        `There is no rate for tokens of class "${name}". Declare one in sluice.yaml.`,
      );
    sum += tokens * (rate ?? 0n);
  }
  return sum;
}

/**
 * Returns the most that an attempt can cost, in nano-USD: all input at its most expensive class, and
 * each answer as long as allowed. Rounds up, because the amount is a bound.
 */
export function worstCaseOf(
  bounds: { readonly inputTokens: bigint; readonly outputLimit: bigint; readonly answers: bigint },
  rates: Rates,
): NanoUsd {
  const input = highestRateOf(inputClasses, rates);
  const output = highestRateOf(outputClasses, rates);
  const sum = bounds.inputTokens * input + bounds.answers * bounds.outputLimit * output;
  return (sum + tokensPerRate - 1n) / tokensPerRate;
}

function highestRateOf(classes: readonly TokenClass[], rates: Rates): NanoUsd {
  return classes
    .map((name) => rateOf[name](rates))
    .reduce((highest, rate) => (rate > highest ? rate : highest));
}
