import type { Candidate, InferenceClassified } from "@sluice/contracts";
import type { Variant } from "@sluice/declarations";
import {
  type Complexity,
  type EpochMillis,
  type PriceBook,
  type Tier,
  worstCaseOf,
} from "@sluice/domain";
import { additionalMembersOf, answersOf, requestedOutputLimit } from "./parameters.ts";

/** What the decision depends on, in addition to the request. */
export interface DispatchFacts {
  readonly variants: readonly Variant[];
  readonly priceBook: PriceBook;
  /** The output limit of an answer, in tokens, if the client set none. */
  readonly outputLimitOf: (tier: Tier) => number;
  /** Returns an upper bound of the request's input tokens without its pictures, for a margin of the tokeniser. */
  readonly inputTokensWith: (marginPercent: bigint) => bigint;
  /**
   * The tokens that must fit a context window, without pictures: the whole chat, or the longest of
   * several inputs.
   */
  readonly contextTokens: bigint;
  /** How many pictures the request has. What each model charges for one is declared. */
  readonly pictures: bigint;
  readonly now: EpochMillis;
}

export interface Unfit {
  readonly kind: "unfit";
  readonly variant: string;
  readonly reason: string;
  /** What a decline has a code of its own for, if it is the reason against every variant. */
  readonly because: "too-long" | "additional-members" | "other";
  /** The additional members that it does not take. */
  readonly members: readonly string[];
}

export interface Fit {
  readonly kind: "fits";
  readonly candidate: Candidate;
  /** An upper bound of the input tokens of this variant, with pictures. */
  readonly inputTokens: bigint;
}

export type Considered = Fit | Unfit;

/** Decides whether a variant may answer a request, with which output limit, and what it can cost at most. Pure. */
export function consider(
  variant: Variant,
  request: InferenceClassified,
  facts: DispatchFacts,
): Considered {
  const { requirements } = request.admitted.request;
  const { complexity } = request.classification;
  const refused = refusedMembersOf(variant, request);
  const unfit = (reason: string, because: Unfit["because"] = "other"): Unfit => ({
    kind: "unfit",
    variant: variant.id,
    reason,
    because,
    members: because === "additional-members" ? refused : [],
  });

  if (refused.length > 0) return unfit(`it does not take ${quoted(refused)}`, "additional-members");
  const accuracyReason = accuracyUnfit(variant, complexity, requirements.requiredAccuracy);
  if (accuracyReason) return unfit(accuracyReason);
  const { maxLatencyMs, maxCostNanoUsd } = requirements;
  if (maxLatencyMs !== null && (variant.p95LatencyMs ?? Infinity) > maxLatencyMs)
    return unfit(`P95 latency ${variant.p95LatencyMs ?? "unknown"} ms exceeds ${maxLatencyMs} ms`);

  const contextTokens = contextTokensOf(variant, facts);
  const outputLimit = outputLimitOf(variant, request, contextTokens, facts);
  if (outputLimit === undefined)
    return unfit(
      `about ${contextTokens} input tokens exceed its context window of ${variant.contextWindow}`,
      "too-long",
    );

  const inputTokens =
    facts.inputTokensWith(BigInt(variant.tokenMarginPercent)) +
    facts.pictures * BigInt(variant.pictureTokensMax);
  const price = facts.priceBook.priceOf(variant.id, facts.now, inputTokens);
  if (!price) return unfit("it has no price in force");
  const answers = BigInt(answersOf(request.admitted.request));
  const worstCases = facts.priceBook
    .ratesUpTo(variant.id, facts.now, inputTokens)
    .map((rates) => worstCaseOf({ inputTokens, outputLimit, answers }, rates));
  const worstCaseNanoUsd = maxOf(worstCases);
  if (maxCostNanoUsd !== null && worstCaseNanoUsd > maxCostNanoUsd)
    return unfit(
      `its worst case of ${worstCaseNanoUsd} nano-USD exceeds ${maxCostNanoUsd} nano-USD`,
    );

  const { id, provider, model, tier } = variant;
  return {
    kind: "fits",
    candidate: {
      variant: id,
      provider,
      model,
      tier,
      outputLimit,
      worstCaseNanoUsd,
      rates: price.rates,
      windows: [],
    },
    inputTokens,
  };
}

/**
 * What most pictures take of a context window. The bound would refuse conversations that fit, and the
 * refusal of a provider costs nothing.
 */
const likelyPictureTokens = 1_600;

function contextTokensOf(
  { pictureTokensMax }: Variant,
  { contextTokens, pictures }: DispatchFacts,
): bigint {
  return contextTokens + pictures * BigInt(Math.min(likelyPictureTokens, pictureTokensMax));
}

/**
 * Returns the output limit in tokens, zero for embeddings; undefined if the input does not fit the
 * context window.
 */
function outputLimitOf(
  variant: Variant,
  { admitted: { request } }: InferenceClassified,
  contextTokens: bigint,
  { outputLimitOf: limitOf }: DispatchFacts,
): bigint | undefined {
  const room = variant.contextWindow - Number(contextTokens);
  if (request.operation === "embeddings") return room < 0 ? undefined : 0n;
  if (room < 1) return undefined;
  return BigInt(Math.min(requestedOutputLimit(request) ?? limitOf(variant.tier), room));
}

/** Returns the additional members of a request that a variant does not take. An answer without them would be a wrong one. */
export function refusedMembersOf(
  { dialect }: Variant,
  { admitted }: InferenceClassified,
): readonly string[] {
  const members = additionalMembersOf(admitted.request);
  return members.filter((name) => !dialect.requestMembers.includes(name));
}

function accuracyUnfit(
  variant: Variant,
  complexity: Complexity,
  required: number | null,
): string | undefined {
  if (required === null) return undefined;
  const measured = variant.accuracy[complexity];
  if (measured === null) return `its accuracy for ${complexity} requests was not measured`;
  return measured < required
    ? `its accuracy ${measured} for ${complexity} requests is below ${required}`
    : undefined;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}

export function maxOf(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b > a ? b : a));
}
