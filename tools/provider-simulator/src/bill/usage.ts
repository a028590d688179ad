import type { ModelRates } from "../models.ts";

/** Tokens of one call in disjoint classes, so that no token is counted twice. */
export interface BilledUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Input that was written to the prompt cache, for five minutes or for the provider's only life. */
  readonly cacheWriteTokens: number;
  /** Input that was written to the prompt cache for an hour. */
  readonly cacheWriteHourTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** Usage as OpenAI reports it: prompt tokens include cached ones, and completion tokens include reasoning. */
export interface ReportedUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: {
    readonly cached_tokens: number;
    /** Only if something was written to the prompt cache. */
    readonly cache_write_tokens?: number;
    readonly audio_tokens: 0;
  };
  readonly completion_tokens_details?: {
    readonly reasoning_tokens: number;
    readonly audio_tokens: 0;
    readonly accepted_prediction_tokens: 0;
    readonly rejected_prediction_tokens: 0;
  };
}

export const noUsage: BilledUsage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  cacheWriteHourTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** Adds two usages. */
export function sumOf(left: BilledUsage, right: BilledUsage): BilledUsage {
  return {
    inputTokens: left.inputTokens + right.inputTokens,
    cachedInputTokens: left.cachedInputTokens + right.cachedInputTokens,
    cacheWriteTokens: left.cacheWriteTokens + right.cacheWriteTokens,
    cacheWriteHourTokens: left.cacheWriteHourTokens + right.cacheWriteHourTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    reasoningTokens: left.reasoningTokens + right.reasoningTokens,
  };
}

/** Converts a usage into OpenAI's form. */
export function reportedUsageOf(usage: BilledUsage): ReportedUsage {
  const written = usage.cacheWriteTokens + usage.cacheWriteHourTokens;
  const promptTokens = usage.inputTokens + usage.cachedInputTokens + written;
  const completionTokens = usage.outputTokens + usage.reasoningTokens;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(written > 0 && { cache_write_tokens: written }),
      audio_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Returns the cost of one call in nano-USD. The costs of the classes are summed, and the sum is rounded once. */
export function costOf(usage: BilledUsage, rates: ModelRates): bigint {
  const nanoUsdPerMillion =
    BigInt(usage.inputTokens) * rates.inputNanoUsdPerMillion +
    BigInt(usage.cachedInputTokens) * rates.cachedInputNanoUsdPerMillion +
    BigInt(usage.cacheWriteTokens) * rates.cacheWriteNanoUsdPerMillion +
    BigInt(usage.cacheWriteHourTokens) * rates.cacheWriteHourNanoUsdPerMillion +
    BigInt(usage.outputTokens + usage.reasoningTokens) * rates.outputNanoUsdPerMillion;
  return divideHalfEven(nanoUsdPerMillion, 1_000_000n);
}

/** Divides a non-negative amount. A half is rounded to the even neighbour. */
export function divideHalfEven(amount: bigint, divisor: bigint): bigint {
  const quotient = amount / divisor;
  const twiceRest = (amount % divisor) * 2n;
  if (twiceRest < divisor) return quotient;
  if (twiceRest > divisor) return quotient + 1n;
  return quotient + (quotient % 2n);
}
