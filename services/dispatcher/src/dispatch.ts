import type { Candidate, Dispatch, InferenceClassified } from "@sluice/contracts";
import type { Variant } from "@sluice/declarations";
import {
  type Complexity,
  type EpochMillis,
  isTier,
  type PriceBook,
  type Tier,
  tierFor,
  tiers,
  worstCaseOf,
} from "@sluice/domain";
import { attemptsMax } from "@sluice/request-state";
import { answersOf, outputLimitAskedFor } from "./parameters.ts";

/** What the decision is made from, besides the request. */
export interface DispatchFacts {
  readonly variants: readonly Variant[];
  readonly priceBook: PriceBook;
  /** Most tokens of an answer where the caller set none. */
  readonly outputLimitOf: (tier: Tier) => number;
  /** Upper estimate of the request's input. */
  readonly inputTokens: bigint;
  /** The part of it that must fit a context window: all of a chat, the longest of several inputs. */
  readonly contextTokens: bigint;
  readonly now: EpochMillis;
}

export type DeclineCode =
  | "context_length_exceeded"
  | "deadline_exceeded"
  | "lane_unavailable"
  | "no_variant_fits";

export type Plan =
  | { readonly kind: "dispatch"; readonly dispatch: Dispatch; readonly reasons: readonly string[] }
  | { readonly kind: "decline"; readonly code: DeclineCode; readonly reason: string };

/** Which variants may answer, best first, and what each can cost at most. */
export function planDispatch(request: InferenceClassified, facts: DispatchFacts): Plan {
  const { requirements } = request.admitted.request;
  if (requirements.lane === "batch")
    return decline(
      "lane_unavailable",
      "The lane 'batch' is not served by this installation; ask for 'realtime' or 'any'.",
    );
  if (request.admitted.deadlineAt <= facts.now)
    return decline("deadline_exceeded", "The deadline had passed before a model was chosen.");

  const considered = wantedVariants(request, facts.variants).map((variant) =>
    consider(variant, request, facts),
  );
  const fitting = considered.filter((each) => each.kind === "fits");
  if (fitting.length === 0) return declineAll(considered.filter((each) => each.kind === "unfit"));

  // A request makes at most attemptsMax provider calls, so the adapter cannot try more candidates.
  const candidates = inOrder(fitting, request).slice(0, attemptsMax);
  return {
    kind: "dispatch",
    dispatch: {
      lane: "realtime",
      inputTokens: facts.inputTokens,
      answers: answersOf(request.admitted.request),
      candidates,
    },
    reasons: reasonsOf(request, candidates),
  };
}

interface Unfit {
  readonly kind: "unfit";
  readonly variant: string;
  readonly why: string;
  /** Nothing but the length of the input stands against it. */
  readonly tooLong: boolean;
}

type Considered = { readonly kind: "fits"; readonly candidate: Candidate } | Unfit;

/**
 * A named model is that model alone; a tier is its variants; auto is the tier that the complexity
 * asks for, and above. Embeddings of two models cannot be compared, so no model stands in for another.
 */
function wantedVariants(
  request: InferenceClassified,
  declared: readonly Variant[],
): readonly Variant[] {
  const { model, operation, requirements } = request.admitted.request;
  if (operation === "embeddings")
    return declared.filter(({ id, dimensions }) => id === model && dimensions !== null);
  const variants = declared.filter(({ dimensions }) => dimensions === null);
  if (isTier(model)) return variants.filter(({ tier }) => tier === model);
  if (model !== "auto") return variants.filter(({ id }) => id === model);
  // Where an accuracy is demanded it alone decides: a cheap tier that is good enough may answer.
  if (requirements.requiredAccuracy !== null) return variants;
  const least = tiers.indexOf(tierFor[request.classification.complexity]);
  return variants.filter(({ tier }) => tiers.indexOf(tier) >= least);
}

function consider(
  variant: Variant,
  request: InferenceClassified,
  facts: DispatchFacts,
): Considered {
  const { requirements } = request.admitted.request;
  const { complexity } = request.classification;
  const unfit = (why: string, tooLong = false): Unfit => ({
    kind: "unfit",
    variant: variant.id,
    why,
    tooLong,
  });

  const accuracyWhy = accuracyUnfit(variant, complexity, requirements.requiredAccuracy);
  if (accuracyWhy) return unfit(accuracyWhy);
  const { maxLatencyMs, maxCostNanoUsd } = requirements;
  if (maxLatencyMs !== null && (variant.p95LatencyMs ?? Infinity) > maxLatencyMs)
    return unfit(`P95 latency ${variant.p95LatencyMs ?? "unknown"} ms exceeds ${maxLatencyMs} ms`);

  const outputLimit = outputLimitOf(variant, request, facts);
  if (outputLimit === undefined)
    return unfit(`about ${facts.contextTokens} input tokens exceed its context`, true);

  const price = facts.priceBook.priceOf(variant.id, facts.now, facts.inputTokens);
  if (!price) return unfit("it has no price in force");
  const worstCaseNanoUsd = worstCaseOf(
    {
      inputTokens: facts.inputTokens,
      outputLimit,
      answers: BigInt(answersOf(request.admitted.request)),
    },
    price.rates,
  );
  if (maxCostNanoUsd !== null && worstCaseNanoUsd > maxCostNanoUsd)
    return unfit(`its worst case of ${worstCaseNanoUsd} nano-USD exceeds ${maxCostNanoUsd}`);

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
    },
  };
}

/** Most tokens of an answer, none of an embedding; undefined where the context leaves no room. */
function outputLimitOf(
  variant: Variant,
  { admitted: { request } }: InferenceClassified,
  { contextTokens, outputLimitOf: limitOf }: DispatchFacts,
): bigint | undefined {
  const room = variant.contextWindow - Number(contextTokens);
  if (request.operation === "embeddings") return room < 0 ? undefined : 0n;
  if (room < 1) return undefined;
  return BigInt(Math.min(outputLimitAskedFor(request) ?? limitOf(variant.tier), room));
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

/** By tier, then by worst case; where an accuracy is demanded every candidate has it, so the cheapest is first. */
function inOrder(
  fitting: readonly { readonly candidate: Candidate }[],
  request: InferenceClassified,
): readonly Candidate[] {
  const byCost = request.admitted.request.requirements.requiredAccuracy !== null;
  const tierRank = ({ tier }: Candidate) => (byCost ? 0 : tiers.indexOf(tier));
  return fitting
    .map(({ candidate }) => candidate)
    .toSorted(
      (a, b) =>
        tierRank(a) - tierRank(b) ||
        Number(a.worstCaseNanoUsd - b.worstCaseNanoUsd) ||
        (a.variant < b.variant ? -1 : 1),
    );
}

function reasonsOf(
  request: InferenceClassified,
  candidates: readonly Candidate[],
): readonly string[] {
  const { model, requirements } = request.admitted.request;
  const { complexity } = request.classification;
  const basis =
    model === "auto"
      ? requirements.requiredAccuracy === null
        ? `${complexity} requests go to the tier ${tierFor[complexity]}`
        : `cheapest first with an accuracy of at least ${requirements.requiredAccuracy}`
      : `'${model}' was asked for`;
  return [basis, `candidates: ${candidates.map(({ variant }) => variant).join(", ")}`];
}

function declineAll(unfit: readonly Unfit[]): Plan {
  const why = unfit.map(({ variant, why: one }) => `${variant}: ${one}`).join("; ");
  if (unfit.length > 0 && unfit.every(({ tooLong }) => tooLong))
    return decline("context_length_exceeded", `The input is too long. ${why}. Shorten it.`);
  return decline(
    "no_variant_fits",
    `No variant fits the requirements. ${why || "None is declared for the model"}. Loosen one.`,
  );
}

function decline(code: DeclineCode, reason: string): Plan {
  return { kind: "decline", code, reason };
}
