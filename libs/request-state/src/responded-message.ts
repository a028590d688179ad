import { type InferenceResponded, topics } from "@sluice/contracts";
import { outgoing, type Outgoing } from "@sluice/stage";

/** The message for `inference.responded`, in the request's partition, with the producer's `correlation-id`. */
export function respondedMessage(outcome: InferenceResponded): Outgoing {
  return outgoing(
    topics.inferenceResponded,
    outcome,
    outcome.correlationId === null ? undefined : { "correlation-id": outcome.correlationId },
  );
}
