import { sleep } from "@sluice/domain";
import type kafkajs from "kafkajs";
import type { ConsumerSettings } from "./consumer-settings.ts";
import { lagOfGroup, type PartitionLag } from "./group-lag.ts";
import type { StageFaultCode } from "../../core/faults.ts";
import type { StageLogger } from "../../core/logger.ts";
import type { StageMetrics } from "../../core/metrics.ts";
import { type Vital, verdictOf, type WatchdogLimits } from "./watchdog.ts";

export interface WatchParts {
  readonly admin: kafkajs.Admin;
  readonly groupId: string;
  /** With prefix. */
  readonly topic: string;
  /** Without prefix, for metrics. */
  readonly shownTopic: string;
  readonly settings: ConsumerSettings;
  readonly metrics: StageMetrics;
  readonly logger: StageLogger;
  readonly isWaiting: () => boolean;
  readonly partitions: () => readonly number[];
  readonly onFatal: (code: StageFaultCode, reason: string) => void;
}

/** How often the lag is read, in milliseconds. */
const lagEveryMs = 5_000;

/** Watches one consumer: reports its lag, and ends the process when the consumer has silently stopped. */
export class SubscriptionWatch {
  private readonly limits: WatchdogLimits;
  private timer: NodeJS.Timeout | undefined;
  private lastFetchAt = performance.now();
  private lastProgressAt = performance.now();
  private lastLagAt = -Infinity;
  private inWork = 0;
  private looking = false;
  private suspicions = 0;
  /** Since when there has been no assignment; undefined while there is one. */
  private unassignedSince: number | undefined = performance.now();
  /** When the broker last did not answer. From then on, a join may take its full time again. */
  private brokerAwayAt = -Infinity;
  private lags: readonly PartitionLag[] = [];

  constructor(private readonly parts: WatchParts) {
    const { fetchWaitMsMax, sessionTimeoutMs, rebalanceTimeoutMs, noProgressMs } = parts.settings;
    this.limits = {
      // Within the session timeout the group repairs a missing member without us.
      noFetchMs: Math.max(3 * fetchWaitMsMax, sessionTimeoutMs),
      joiningMs: 2 * rebalanceTimeoutMs + sessionTimeoutMs,
      noProgressMs,
    };
  }

  start(): void {
    this.startOver();
    this.timer = setInterval(() => void this.look(), 1_000);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  fetched(): void {
    this.lastFetchAt = performance.now();
  }

  progressed(): void {
    this.lastProgressAt = performance.now();
  }

  assigned(partitions: number): void {
    this.unassignedSince = undefined;
    this.parts.metrics.assignedPartitions(partitions);
    this.fetched();
  }

  unassigned(): void {
    this.unassignedSince ??= performance.now();
    this.parts.metrics.assignedPartitions(0);
  }

  /**
   * False once the consumer has had no assignment for longer than its group takes to notice a missing
   * member. Messages then wait, although the process runs. This holds during an outage of the broker too.
   */
  get isAssigned(): boolean {
    const { unassignedSince } = this;
    const { sessionTimeoutMs } = this.parts.settings;
    return unassignedSince === undefined || performance.now() - unassignedSince < sessionTimeoutMs;
  }

  async working(work: () => Promise<void>): Promise<void> {
    this.inWork += 1;
    try {
      await work();
    } finally {
      this.inWork -= 1;
      this.fetched();
    }
  }

  /** Resolves when no batch is being processed any more, or after `msMax` milliseconds. */
  async idle(msMax: number): Promise<void> {
    const until = performance.now() + msMax;
    while (this.inWork > 0 && performance.now() < until) await sleep(20);
  }

  private startOver(): void {
    this.fetched();
    this.progressed();
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const now = performance.now();
      if (this.parts.isWaiting()) this.progressed();
      const silent = now - this.lastFetchAt > this.limits.noFetchMs && this.inWork === 0;
      const lagIsDue = now - this.lastLagAt > lagEveryMs;
      if (!silent && !lagIsDue) return;
      const brokerAnswers = await this.refreshLag();
      // Counts from the broker's last outage, because the client needs a moment to reconnect.
      if (!brokerAnswers) {
        this.brokerAwayAt = performance.now();
        this.startOver();
      }
      this.judge(brokerAnswers);
    } finally {
      this.looking = false;
    }
  }

  /** Acts on the second bad verdict in a row, because a blocked event loop delays everything once. */
  private judge(brokerAnswers: boolean): void {
    const verdict = verdictOf(this.vital(brokerAnswers), this.limits);
    this.suspicions = verdict === "alive" ? 0 : this.suspicions + 1;
    if (verdict !== "alive" && this.suspicions >= 2)
      this.parts.onFatal(verdict, `no message of ${this.parts.shownTopic} made progress`);
  }

  private vital(brokerAnswers: boolean): Vital {
    return {
      now: performance.now(),
      lastFetchAt: this.lastFetchAt,
      lastProgressAt: this.lastProgressAt,
      working: this.inWork > 0,
      unassignedSince:
        this.unassignedSince === undefined
          ? undefined
          : Math.max(this.unassignedSince, this.brokerAwayAt),
      brokerAnswers,
      lag: this.lag(),
      waiting: this.parts.isWaiting(),
    };
  }

  /** Partitions of other members are for those members to judge. */
  private lag(): number {
    const ours = new Set(this.parts.partitions());
    return this.lags
      .filter(({ partition, isRead }) => ours.has(partition) || !isRead)
      .reduce((sum, { messages }) => sum + messages, 0);
  }

  /** Returns false when the broker does not answer. */
  private async refreshLag(): Promise<boolean> {
    const { admin, topic, groupId, shownTopic, metrics, logger } = this.parts;
    this.lastLagAt = performance.now();
    try {
      this.lags = await lagOfGroup(admin, groupId, topic);
    } catch (error) {
      logger.debug({ topic: shownTopic, err: error }, "the lag could not be read now");
      return false;
    }
    for (const { partition, messages } of this.lags) metrics.lag(shownTopic, partition, messages);
    return true;
  }
}
