import type { Candidate, Dispatch, InferenceClassified } from "@sluice/contracts";
import type { Variant } from "@sluice/declarations";
import { isTier, tierFor, tiers } from "@sluice/domain";
import { attemptsMax } from "@sluice/request-state";
import { consider, type DispatchFacts, maxOf, refusedMembersOf, type Unfit } from "./consider.ts";
import { answersOf } from "./parameters.ts";

export type DeclineCode =
  | "context_length_exceeded"
  | "deadline_exceeded"
  | "lane_unavailable"
  | "no_variant_fits"
  | "unsupported_parameter";

export type Plan =
  | { readonly kind: "dispatch"; readonly dispatch: Dispatch; readonly reasons: readonly string[] }
  | {
      readonly kind: "decline";
      readonly code: DeclineCode;
      readonly reason: string;
      /** The parameter at fault, if one is. */
      readonly param?: string | undefined;
    };

/** Decides which variants may answer, best first, and what each can cost at most. Pure. */
export function planDispatch(request: InferenceClassified, facts: DispatchFacts): Plan {
  const { requirements } = request.admitted.request;
  if (requirements.lane === "batch")
    return decline(
      "lane_unavailable",
      "This installation does not serve the lane 'batch'. Ask for 'realtime' or 'any'.",
    );
  if (request.admitted.deadlineAt <= facts.now)
    return decline(
      "deadline_exceeded",
      "The deadline passed before a model was chosen. Allow more time.",
    );

  const considered = namedVariants(request, facts.variants).map((variant) =>
    consider(variant, request, facts),
  );
  const fitting = considered.filter((each) => each.kind === "fits");
  const unfit = considered.filter((each) => each.kind === "unfit");
  if (fitting.length === 0) return declineAll(unfit, request, facts.variants);

  // A request makes at most attemptsMax provider calls, so the adapter cannot try more candidates.
  const candidates = inOrder(fitting, request).slice(0, attemptsMax);
  const tokensOf = new Map(fitting.map((each) => [each.candidate.variant, each.inputTokens]));
  return {
    kind: "dispatch",
    dispatch: {
      // The only lane that is served. A request for any lane gets it too.
      lane: "realtime",
      inputTokens: maxOf(candidates.map(({ variant }) => tokensOf.get(variant)!)),
      answers: answersOf(request.admitted.request),
      candidates,
      windows: [],
    },
    reasons: reasonsOf(request, candidates, unfit),
  };
}

/**
 * Returns the variants that the request names: one model; the variants of a tier; or for auto those of
 * the complexity's tier and above. A request for embeddings gets only the model that it names, because
 * embeddings of two models cannot be compared.
 */
function namedVariants(
  request: InferenceClassified,
  declared: readonly Variant[],
): readonly Variant[] {
  const { model, operation, requirements } = request.admitted.request;
  if (operation === "embeddings")
    return declared.filter(({ id, dimensions }) => id === model && dimensions !== null);
  const variants = declared.filter(({ dimensions }) => dimensions === null);
  if (isTier(model)) return variants.filter(({ tier }) => tier === model);
  if (model !== "auto") return variants.filter(({ id }) => id === model);
  // A required accuracy replaces the tier: a cheaper tier that is accurate enough may answer.
  if (requirements.requiredAccuracy !== null) return variants;
  const least = tiers.indexOf(tierFor[request.classification.complexity]);
  return variants.filter(({ tier }) => tiers.indexOf(tier) >= least);
}

/**
 * Sorts candidates by tier and then by worst case. With a required accuracy every candidate has it, so
 * they are sorted by worst case alone.
 */
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
  unfit: readonly Unfit[],
): readonly string[] {
  const { model, requirements } = request.admitted.request;
  const { complexity } = request.classification;
  const basis =
    model === "auto"
      ? requirements.requiredAccuracy === null
        ? `${complexity} requests start with the tier ${tierFor[complexity]}`
        : `cheapest first, with an accuracy of at least ${requirements.requiredAccuracy}`
      : `the request names '${model}'`;
  const without = unfit.filter(({ because }) => because === "additional-members");
  return [
    basis,
    ...without.map(({ variant, reason }) => `without ${variant}: ${reason}`),
    `candidates: ${candidates.map(({ variant }) => variant).join(", ")}`,
  ];
}

function declineAll(
  unfit: readonly Unfit[],
  request: InferenceClassified,
  declared: readonly Variant[],
): Plan {
  const reasons = unfit.map(({ variant, reason }) => `${variant}: ${reason}`).join("; ");
  const areAll = (because: Unfit["because"]) =>
    unfit.length > 0 && unfit.every((each) => each.because === because);
  if (areAll("too-long"))
    return decline("context_length_exceeded", `The input is too long. ${reasons}. Shorten it.`);
  if (areAll("additional-members"))
    return decline(
      "unsupported_parameter",
      `No model takes the parameter. ${reasons}. ${parameterRemedyOf(request, declared)}`,
      unfit[0]?.members[0],
    );
  return decline(
    "no_variant_fits",
    reasons
      ? `No variant meets the requirements. ${reasons}. Relax a requirement.`
      : "No variant is declared for the model. Name a declared model or tier.",
  );
}

/** Returns what a client can do: it may have named another model by mistake, or a tier without a model that fits. */
function parameterRemedyOf(request: InferenceClassified, declared: readonly Variant[]): string {
  const isForEmbeddings = request.admitted.request.operation === "embeddings";
  const able = declared.filter(
    (variant) =>
      (variant.dimensions !== null) === isForEmbeddings &&
      refusedMembersOf(variant, request).length === 0,
  );
  return able.length > 0
    ? `Remove it, or name a model that takes it: ${able.map(({ id }) => id).join(", ")}.`
    : "Remove it: no declared model takes it together with the other parameters.";
}

function decline(code: DeclineCode, reason: string, param?: string): Plan {
  return { kind: "decline", code, reason, ...(param !== undefined && { param }) };
}
