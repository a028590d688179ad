import type { StageFaultCode } from "../../core/faults.ts";

/** The state of a consumer at one moment. Times are in milliseconds of one clock. */
export interface Vital {
  readonly now: number;
  /** When the broker last answered a fetch, or the last slice ended. */
  readonly lastFetchAt: number;
  /** When a message was last finished or admitted, or there was last a reason to wait. */
  readonly lastProgressAt: number;
  /** A slice is being processed. Nothing is fetched meanwhile. */
  readonly working: boolean;
  /** Since when the consumer has had no assignment; undefined while it has one. */
  readonly unassignedSince: number | undefined;
  /** Whether the broker has just answered on another connection. */
  readonly brokerAnswers: boolean;
  /**
   * Messages between the committed offsets and the ends of the partitions that this member reads, and
   * of those that no member of the group reads.
   */
  readonly lag: number;
  /** The consumer waits on purpose, for an outage to end or an assignment to be prepared. */
  readonly waiting: boolean;
}

export interface WatchdogLimits {
  readonly noFetchMs: number;
  readonly joiningMs: number;
  readonly noProgressMs: number;
}

export type Verdict =
  | "alive"
  | Extract<
      StageFaultCode,
      "STAGE_CONSUMER_SILENT" | "STAGE_CONSUMER_STUCK" | "STAGE_CONSUMER_UNASSIGNED"
    >;

/**
 * Decides whether the process should end, so that its supervisor starts it again: kafkajs can stop
 * fetching while the process lives, or fetch without being a member of its group. A broker that does
 * not answer is an outage, for which the consumer waits. Ending the process would only abort running
 * work.
 */
export function verdictOf(vital: Vital, limits: WatchdogLimits): Verdict {
  if (!vital.brokerAnswers) return "alive";
  if (vital.unassignedSince !== undefined)
    return vital.now - vital.unassignedSince > limits.joiningMs
      ? "STAGE_CONSUMER_UNASSIGNED"
      : "alive";
  const silentMs = vital.now - vital.lastFetchAt;
  if (!vital.working && silentMs > limits.noFetchMs) return "STAGE_CONSUMER_SILENT";
  const idleMs = vital.now - vital.lastProgressAt;
  if (vital.lag > 0 && !vital.waiting && idleMs > limits.noProgressMs)
    return "STAGE_CONSUMER_STUCK";
  return "alive";
}
