import { type InferenceResponded, topics } from "@sluice/contracts";
import { outgoing, type Outgoing } from "@sluice/stage";

/** Returns the message for `inference.responded`, with the producer's `correlation-id`. */
export function respondedMessage(outcome: InferenceResponded): Outgoing {
  return outgoing(
    topics.inferenceResponded,
    outcome,
    outcome.correlationId === null ? undefined : { "correlation-id": outcome.correlationId },
  );
}
