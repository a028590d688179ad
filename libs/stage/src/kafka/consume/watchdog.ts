import type { StageFaultCode } from "../../core/faults.ts";

/** What is known of a consumer at one moment; times in milliseconds of one clock. */
export interface Vital {
  readonly now: number;
  /** Last answer of the broker to a fetch, or the end of the last slice. */
  readonly lastFetchAt: number;
  /** Last message finished or admitted, or last reason to wait. */
  readonly lastProgressAt: number;
  /** A slice is being worked on: nothing is fetched meanwhile, by design. */
  readonly working: boolean;
  /** Between two generations. */
  readonly joining: boolean;
  /** Whether the broker answered when it was asked on another connection just now. */
  readonly brokerAnswers: boolean;
  /** Messages between the committed offsets and the high watermarks. */
  readonly lag: number;
  /** Waiting on purpose: an outage is being waited for, or a concurrent stage is full. */
  readonly waiting: boolean;
}

export interface WatchdogLimits {
  readonly noFetchMs: number;
  readonly joiningMs: number;
  readonly noProgressMs: number;
}

export type Verdict =
  | "alive"
  | Extract<StageFaultCode, "STAGE_CONSUMER_SILENT" | "STAGE_CONSUMER_STUCK">;

/**
 * Whether the process should end so that it is started again: kafkajs can stop
 * fetching while the process lives. A broker that does not answer is an outage,
 * which is waited for; ending would only abort what runs.
 */
export function verdictOf(vital: Vital, limits: WatchdogLimits): Verdict {
  if (!vital.brokerAnswers) return "alive";
  const silentMs = vital.now - vital.lastFetchAt;
  const silentMsMax = vital.joining ? limits.joiningMs : limits.noFetchMs;
  if (!vital.working && silentMs > silentMsMax) return "STAGE_CONSUMER_SILENT";
  const idleMs = vital.now - vital.lastProgressAt;
  if (vital.lag > 0 && !vital.waiting && idleMs > limits.noProgressMs)
    return "STAGE_CONSUMER_STUCK";
  return "alive";
}
