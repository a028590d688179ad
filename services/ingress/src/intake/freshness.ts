import type { EpochMillis } from "@sluice/domain";
import { recordKeptMs } from "@sluice/request-state";

/** The greatest distance of a signature's time of issue from the broker's append time, to either side. */
const ageMaxMs = 5 * 60_000;
/** A dead letter that an operator replays keeps its first signature; the topic keeps messages for 3 days. */
const replayAgeMaxMs = 3 * 24 * 60 * 60_000;

/**
 * Returns whether a signature is recent enough to be accepted. Compares its time of issue with the
 * message's append time and not with the time of reading: after an outage of Sluice, ingress must
 * still accept the messages that waited on the topic.
 *
 * @param replayedAt when an operator replayed the message. The proof of a replay is as short-lived as a
 *   signature, or who records one could send it again.
 */
export function isFresh(
  issuedAt: string,
  appendedAt: EpochMillis,
  replayedAt: EpochMillis | undefined,
): boolean {
  if (!/^\d{1,15}$/.test(issuedAt)) return false;
  const age = appendedAt - Number(issuedAt);
  if (Math.abs(age) <= ageMaxMs) return true;
  const isReplay = replayedAt !== undefined && Math.abs(appendedAt - replayedAt) <= ageMaxMs;
  return isReplay && age > 0 && age <= replayAgeMaxMs;
}

/** The clocks of the broker, of the sender and of Redis may differ, and a slice takes a while. */
const memoryMarginMs = 60 * 60_000;

/**
 * Returns whether an unknown id may have been known once: the message is older than the time for which ids
 * are remembered. Kafka deletes whole segments, so such a message may be read again after a reset or a
 * long stop, and would be paid a second time.
 */
export function isForgotten(issuedAt: string, appendedAt: EpochMillis, now: EpochMillis): boolean {
  return now - Math.min(appendedAt, Number(issuedAt)) > recordKeptMs - memoryMarginMs;
}
