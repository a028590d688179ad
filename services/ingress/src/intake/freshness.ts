import type { EpochMillis } from "@sluice/domain";
import { recordKeptMs } from "@sluice/request-state";

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
