import type { Attribution, InferenceRequested } from "@sluice/contracts";
import { type Limit, limitDimensions } from "@sluice/declarations";
import { hashOf, isSelected, scopeOf } from "@sluice/domain";
import type { AppliedLimit } from "@sluice/request-state";

/** Returns the limits in which requests of this attribution count. Pure. */
export function appliedLimitsOf(
  limits: readonly Limit[],
  attribution: Attribution,
): readonly AppliedLimit[] {
  return limits
    .filter(({ selector }) => isSelected(limitDimensions, selector, attribution))
    .map(({ id, each, requestsPerMinute, tokensPerMinute, concurrency }) => ({
      scope: [id, scopeOf(each, attribution)].filter(Boolean).join(" "),
      requestsPerMinute,
      tokensPerMinute,
      concurrency,
    }));
}

/** Returns the limit on the same prompt of one key. Its scope cannot be that of a declared limit, whose id has no capital letter. Pure. */
export function loopLimitOf(
  { key }: Attribution,
  request: InferenceRequested,
  samePromptPerMinute: number,
): AppliedLimit {
  return {
    scope: `Loop ${key} ${promptHashOf(request)}`,
    requestsPerMinute: samePromptPerMinute,
    tokensPerMinute: null,
    concurrency: null,
  };
}

/**
 * Returns the hash of what the request asks. Its parameters, labels and ids are not part of it: an agent in a loop gives each
 * of its requests a new step.
 */
function promptHashOf({ operation, messages, inputs, tokenInputs }: InferenceRequested): string {
  return hashOf(JSON.stringify([operation, messages, inputs, tokenInputs]));
}
