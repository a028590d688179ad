import { errorsIn } from "@sluice/domain";

/**
 * The kinds of failed sends:
 *
 * - `refused`: the broker will never accept one of the messages.
 * - `renumber`: the broker does not know our sequence numbers, for example after the topic was created again.
 * - `denied`: an operator has to change an account or a right, so that trying again at once is of no use.
 * - `slow`: the broker waited for its replicas in vain, or did not answer. It may have stored the batch.
 * - `unstored`: the broker answered at once that it has not stored the batch.
 * - `unclear`: the broker answered with another error. It may have stored the batch: a leader that is
 *   replaced while it waits for its replicas answers as one that never was the leader.
 */
export type SendTrouble = "refused" | "renumber" | "denied" | "slow" | "unstored" | "unclear";

const kinds: Readonly<Record<Exclude<SendTrouble, "unclear">, readonly string[]>> = {
  refused: ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"],
  renumber: ["OUT_OF_ORDER_SEQUENCE_NUMBER", "INVALID_PRODUCER_EPOCH", "UNKNOWN_PRODUCER_ID"],
  denied: [
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "KafkaJSSASLAuthenticationError",
  ],
  slow: ["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"],
  unstored: ["NOT_ENOUGH_REPLICAS", "UNKNOWN_TOPIC_OR_PARTITION"],
};

/** @param answered false if the request has failed as a whole, and not one of its partitions */
export function troubleOf(error: Error, answered: boolean): SendTrouble {
  const names = new Set([...errorsIn(error)].flatMap(namesOf));
  for (const kind of ["refused", "renumber", "denied", "slow"] as const)
    if (kinds[kind].some((name) => names.has(name))) return kind;
  if (!answered) return "slow";
  return kinds.unstored.some((name) => names.has(name)) ? "unstored" : "unclear";
}

/** Returns true if the broker has already stored the batch, when it was sent for the first time. */
export function isRepeat(error: Error): boolean {
  return namesOf(error).includes("DUPLICATE_SEQUENCE_NUMBER");
}

function namesOf(error: Error): readonly string[] {
  return "type" in error && typeof error.type === "string"
    ? [error.name, error.type]
    : [error.name];
}
