import { type InferenceResponded, topics } from "@sluice/contracts";
import { type Effect, emit, skip } from "@sluice/stage";
import type { Claim, Outcomes } from "./ports.ts";
import { respondedMessage } from "./responded-message.ts";

/**
 * Returns the effect of a claim by decision. The stage publishes the stored outcome, whichever claim
 * set it, because the stage that set it may have crashed before publishing.
 */
export function effectOfClaim(claim: Claim): Effect {
  if (claim.kind === "won" || claim.kind === "lost") return emit(respondedMessage(claim.outcome));
  return skip("the request has ended, and its answer has expired");
}

/** Returns the outcomes among published effects. Their answers may expire from now on. */
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

/** Notes published outcomes in the store. Each stage that ends requests calls it in `settled`. */
export async function notePublished(outcomes: Outcomes, effects: readonly Effect[]): Promise<void> {
  const responded = respondedIn(effects);
  if (responded.length > 0) await outcomes.published(responded);
}
