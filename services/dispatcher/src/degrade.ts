import type { Candidate, InferenceClassified } from "@sluice/contracts";
import { tierFor, tiers } from "@sluice/domain";
import { consider, type DispatchFacts } from "./consider.ts";
import { requestedOutputLimit } from "./parameters.ts";

/** By how much an answer is shortened, step by step. */
const divisors = [2, 4, 8] as const;

/** A shorter answer would rarely be of use. */
const shortenedTokensMin = 64;

/**
 * Returns what a request gets if its budgets cover none of its candidates, best first: for `auto` a variant of a cheaper
 * tier, then shorter answers. An answer is never shorter than the limit that the client set, and never less accurate than
 * the client required. Pure.
 *
 * @param candidates those that the plan has, best first
 */
export function degradedCandidates(
  request: InferenceClassified,
  candidates: readonly Candidate[],
  facts: DispatchFacts,
): readonly Candidate[] {
  const cheaper = cheaperCandidates(request, facts);
  return [...cheaper, ...shorterCandidates(request, [...candidates, ...cheaper], facts)];
}

function cheaperCandidates(
  request: InferenceClassified,
  facts: DispatchFacts,
): readonly Candidate[] {
  const { model, operation, requirements } = request.admitted.request;
  // With a required accuracy, the plan has every variant that is accurate enough.
  if (model !== "auto" || operation === "embeddings" || requirements.requiredAccuracy !== null)
    return [];
  const least = tiers.indexOf(tierFor[request.classification.complexity]);
  return facts.variants
    .filter(({ dimensions, tier }) => dimensions === null && tiers.indexOf(tier) < least)
    .flatMap((variant) => candidateOf(consider(variant, request, facts)))
    .toSorted(
      (a, b) =>
        tiers.indexOf(b.tier) - tiers.indexOf(a.tier) ||
        Number(a.worstCaseNanoUsd - b.worstCaseNanoUsd),
    );
}

function shorterCandidates(
  request: InferenceClassified,
  candidates: readonly Candidate[],
  facts: DispatchFacts,
): readonly Candidate[] {
  const { operation } = request.admitted.request;
  if (operation === "embeddings" || requestedOutputLimit(request.admitted.request) !== undefined)
    return [];
  return divisors.flatMap((divisor) => {
    const shorter = {
      ...facts,
      outputLimitOf: (tier: Candidate["tier"]) => Math.floor(facts.outputLimitOf(tier) / divisor),
    };
    return candidates.flatMap(({ variant: id, outputLimit }) => {
      const variant = facts.variants.find((each) => each.id === id);
      const candidate = variant ? candidateOf(consider(variant, request, shorter)) : [];
      return candidate.filter(
        (each) => each.outputLimit >= shortenedTokensMin && each.outputLimit < outputLimit,
      );
    });
  });
}

function candidateOf(considered: ReturnType<typeof consider>): readonly Candidate[] {
  return considered.kind === "fits" ? [considered.candidate] : [];
}
