import { type InferenceResponded, topics } from "@sluice/contracts";
import { type Effect, emit, skip } from "@sluice/stage";
import type { Claim, Outcomes } from "./ports.ts";
import { respondedMessage } from "./responded-message.ts";

/**
 * What a stage does after it claimed an outcome by decision: whoever won, the
 * outcome that stands is published, again if need be.
 */
export function effectOfClaim(claim: Claim): Effect {
  if (claim.kind === "won" || claim.kind === "lost") return emit(respondedMessage(claim.outcome));
  return skip("the request has ended, and its answer has expired");
}

/** The outcomes among what was published; only now may their answers begin to expire. */
export function respondedIn(effects: readonly Effect[]): readonly InferenceResponded[] {
  return effects.flatMap((effect) =>
    effect.kind === "emit"
      ? effect.messages
          .filter(({ topic }) => topic.name === topics.inferenceResponded.name)
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
          .map(({ record }) => record as InferenceResponded)
      : [],
  );
}

/** For `settled` of every stage that ends requests. */
export async function notePublished(outcomes: Outcomes, effects: readonly Effect[]): Promise<void> {
  const responded = respondedIn(effects);
  if (responded.length > 0) await outcomes.published(responded);
}
