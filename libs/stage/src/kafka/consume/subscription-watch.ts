import { sleep } from "@sluice/domain";
import type kafkajs from "kafkajs";
import type { ConsumerSettings } from "./consumer-settings.ts";
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
  readonly isJoining: () => boolean;
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
  private readonly highWatermarks = new Map<number, bigint>();
  private readonly committedNext = new Map<number, bigint>();

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

  sawHighWatermark(partition: number, offset: bigint): void {
    this.highWatermarks.set(partition, offset);
  }

  committed(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of offsets) this.committedNext.set(partition, next);
    this.progressed();
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
      if (!brokerAnswers) this.startOver();
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
      joining: this.parts.isJoining(),
      brokerAnswers,
      lag: this.lag(),
      waiting: this.parts.isWaiting(),
    };
  }

  private lag(): number {
    return this.parts.partitions().reduce((sum, partition) => sum + this.lagOf(partition), 0);
  }

  private lagOf(partition: number): number {
    const high = this.highWatermarks.get(partition);
    const next = this.committedNext.get(partition);
    return high === undefined || next === undefined || high < next ? 0 : Number(high - next);
  }

  /** Returns false when the broker does not answer. */
  private async refreshLag(): Promise<boolean> {
    const { admin, topic, groupId, shownTopic, metrics } = this.parts;
    this.lastLagAt = performance.now();
    try {
      const [ends, groups] = await Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId, topics: [topic] }),
      ]);
      for (const { partition, high } of ends) this.highWatermarks.set(partition, BigInt(high));
      for (const { partition, offset } of groups.flatMap(({ partitions }) => partitions))
        if (Number(offset) >= 0) this.committedNext.set(partition, BigInt(offset));
    } catch (error) {
      this.parts.logger.debug({ topic: shownTopic, err: error }, "the lag could not be read now");
      return false;
    }
    const ours = new Set(this.parts.partitions());
    for (const partition of this.highWatermarks.keys()) {
      if (ours.has(partition)) metrics.lag(shownTopic, partition, this.lagOf(partition));
      else metrics.forgetLag(shownTopic, partition);
    }
    return true;
  }
}
