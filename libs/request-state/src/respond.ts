import { type Topic, topics } from "@sluice/contracts";
import { type Effect, emit, skip } from "@sluice/stage";
import type { Claim, Outcomes, Publication } from "./ports.ts";
import { respondedMessage } from "./responded-message.ts";

/**
 * Returns the effect of a claim by decision. The stage publishes the stored outcome, whichever claim
 * set it, because the stage that set it may have crashed before publishing.
 */
export function effectOfClaim(claim: Claim): Effect {
  if (claim.kind === "won" || claim.kind === "lost") return emit(respondedMessage(claim.outcome));
  if (claim.kind === "attempt-held") return skip("an attempt runs and ends the request");
  return skip("the request has ended, and its answer has expired");
}

/** Returns what published effects have ended: each outcome, and the attempts whose usage was published with it. */
export function publicationsIn(effects: readonly Effect[]): readonly Publication[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== "emit") return [];
    const meteredAttempts = recordsOf(topics.costMetered, effect).map(
      ({ attemptNumber }) => attemptNumber,
    );
    return recordsOf(topics.inferenceResponded, effect).map((outcome) => ({
      outcome,
      meteredAttempts,
    }));
  });
}

function recordsOf<R>(of: Topic<R>, { messages }: Extract<Effect, { kind: "emit" }>): readonly R[] {
  return (
    messages
      .filter(({ topic }) => topic.name === of.name)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the topic's type says so
      .map(({ record }) => record as R)
  );
}

/** Notes published outcomes in the store. Each stage that ends requests calls it in `settled`. */
export async function notePublished(outcomes: Outcomes, effects: readonly Effect[]): Promise<void> {
  const publications = publicationsIn(effects);
  if (publications.length > 0) await outcomes.published(publications);
}
