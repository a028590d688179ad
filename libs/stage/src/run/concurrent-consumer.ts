import { withTimeout } from "@sluice/domain";
import {
  type FetchedBatch,
  type Generation,
  KafkaSubscription,
} from "../kafka/consume/kafka-subscription.ts";
import { ConcurrentRunner } from "./concurrent-runner.ts";
import { ConcurrentProgress } from "./concurrent-progress.ts";
import type { RawMessage } from "../core/raw-message.ts";
import {
  partsOf,
  type StageOptions,
  type StageParts,
  type StageSurroundings,
} from "./run-options.ts";
import type { RunningStage } from "./slice-consumer.ts";
import type { ConcurrentStage } from "../core/stage.ts";

export interface ConcurrentStageOptions<In> extends StageOptions<In> {
  /** The most handlers that run at once; default 32. */
  readonly concurrency?: number;
  /**
   * The most messages that are taken and not finished. Beyond it, partitions pause. Default twice
   * the concurrency.
   */
  readonly inHandMax?: number;
  /**
   * The most messages of one partition taken since its committed offset. A crash delivers these
   * again. Default 1,000.
   */
  readonly uncommittedMax?: number;
  /**
   * How long `stop`, and the end of a process whose consumer cannot recover, waits for running handlers, in
   * milliseconds; default 25,000.
   */
  readonly drainMs?: number;
  /** How often finished prefixes are committed, in milliseconds; default 250. */
  readonly commitEveryMs?: number;
}

/**
 * How long a stopping member keeps its partitions, in milliseconds. Most handlers end and are committed in
 * this time. Then it leaves the group, because messages behind a longer call would wait for that call.
 */
const inGroupMsMax = 5_000;

/** How long `stop` waits for its last commit, in milliseconds, because the broker may be unavailable. */
const lastCommitMsMax = 2_000;

/** A concurrent stage counts as stuck only if no message ends for this long, because calls take minutes. */
const noProgressMs = 15 * 60_000;

/**
 * Consumes for long calls. The client's handler only queues messages and returns, so that a slow
 * call stalls no other message, group membership continues, and no message is delivered twice
 * because its handler took longer than a session.
 */
export class ConcurrentConsumer<In> implements RunningStage {
  private readonly parts: StageParts<In>;
  private readonly runner: ConcurrentRunner<In>;
  private readonly progress = new ConcurrentProgress();
  private readonly subscription: KafkaSubscription;
  private readonly limits: {
    readonly inHandMax: number;
    readonly uncommittedMax: number;
    readonly drainMs: number;
    readonly commitEveryMs: number;
  };
  private readonly failing = new Map<number, number>();
  private generation: Generation | undefined;
  private committer: NodeJS.Timeout | undefined;
  private committing: Promise<void> | undefined;

  constructor(
    stage: ConcurrentStage<In>,
    surroundings: StageSurroundings,
    options: ConcurrentStageOptions<In>,
  ) {
    const settings = { noProgressMs, ...options.settings };
    this.parts = partsOf(surroundings, { ...options, settings }, stage);
    const concurrency = options.concurrency ?? 32;
    this.limits = {
      inHandMax: options.inHandMax ?? 2 * concurrency,
      uncommittedMax: options.uncommittedMax ?? 1_000,
      drainMs: options.drainMs ?? 25_000,
      commitEveryMs: options.commitEveryMs ?? 250,
    };
    this.runner = new ConcurrentRunner({
      ...this.parts,
      stage,
      concurrency,
      onFinished: (raw) => this.finished(raw),
      onRoom: () => this.makeRoom(),
      onFailing: (raw, failing) => this.countFailing(raw.partition, failing ? 1 : -1),
    });
    const { onFatal } = this.parts;
    this.subscription = new KafkaSubscription({
      ...this.parts,
      onFatal: (code, reason) => void this.endFatally(() => onFatal(code, reason)),
      topic: this.parts.topic.name,
      hooks: stage,
      onBatch: (batch) => this.admit(batch),
      onPassed: (partition, next) => this.progress.pass(partition, next),
      onGeneration: (generation) => this.begin(generation),
      onGenerationEnd: () => this.end(),
    });
  }

  get isAssigned(): boolean {
    return this.subscription.isAssigned;
  }

  async start(): Promise<void> {
    this.committer = setInterval(() => void this.commit(), this.limits.commitEveryMs);
    await this.subscription.start();
  }

  async stop(): Promise<void> {
    for (const partition of this.generation?.partitions ?? [])
      this.subscription.holds.hold(partition, "stopping");
    this.runner.close();
    const until = performance.now() + this.limits.drainMs;
    // Heartbeats and commits continue meanwhile.
    await this.runner.idle(Math.min(this.limits.drainMs, inGroupMsMax));
    clearInterval(this.committer);
    await withTimeout(this.commit(), lastCommitMsMax, () => undefined);
    await this.subscription.stop();
    await this.runner.idle(until - performance.now());
    await this.runner.giveUp();
  }

  /**
   * Lets running handlers end before the process does: the consumer is dead, and their calls are not. It leaves
   * the group like any stop, so that other members read its partitions meanwhile.
   */
  private async endFatally(end: () => void): Promise<void> {
    await this.stop().catch(() => undefined);
    end();
  }

  private begin(generation: Generation): void {
    this.failing.clear();
    this.generation = generation;
    this.progress.restart(generation.partitions);
  }

  private end(): void {
    this.generation = undefined;
    this.runner.revoke();
    this.progress.restart([]);
  }

  private async admit(batch: FetchedBatch): Promise<void> {
    for (const raw of batch.messages) {
      if (!batch.isWanted()) return;
      if (this.isFull(batch.partition)) {
        this.subscription.holds.hold(batch.partition, "full");
        return;
      }
      if (this.progress.admit(raw) === "new") this.runner.take(raw);
      batch.resolve(raw.offset);
    }
    this.progress.pass(batch.partition, batch.next);
    this.subscription.watch.progressed();
  }

  private isFull(partition: number): boolean {
    return (
      this.runner.inHand >= this.limits.inHandMax ||
      this.progress.outstanding(partition) >= this.limits.uncommittedMax
    );
  }

  private finished(raw: RawMessage): void {
    this.progress.finish(raw);
    this.subscription.watch.progressed();
  }

  /** Resumes partitions only when half is free, or a full stage would pause and resume for every message. */
  private makeRoom(): void {
    const { inHandMax, uncommittedMax } = this.limits;
    if (this.runner.inHand > inHandMax / 2) return;
    for (const partition of this.generation?.partitions ?? [])
      if (this.progress.outstanding(partition) <= uncommittedMax / 2)
        this.subscription.holds.release(partition, "full");
  }

  private countFailing(partition: number, change: 1 | -1): void {
    const failing = Math.max((this.failing.get(partition) ?? 0) + change, 0);
    this.failing.set(partition, failing);
    if (!this.generation?.partitions.includes(partition)) return;
    if (failing > 0) this.subscription.holds.hold(partition, "outage");
    else this.subscription.holds.release(partition, "outage");
  }

  /** Commits one prefix at a time, because an older one must not arrive after a newer one. */
  private async commit(): Promise<void> {
    while (this.committing) await this.committing;
    const { generation } = this;
    const offsets = this.progress.committable();
    if (!generation || offsets.size === 0) return;
    this.committing = this.commitNow(generation, offsets).finally(() => {
      this.committing = undefined;
    });
    await this.committing;
  }

  private async commitNow(
    generation: Generation,
    offsets: ReadonlyMap<number, bigint>,
  ): Promise<void> {
    const done = await this.subscription.commit(generation, offsets);
    if (done && !generation.ended.aborted) this.progress.committed(offsets);
  }
}

/** Starts a concurrent stage. Resolves when it is connected and reads. */
export async function runConcurrentStage<In>(
  stage: ConcurrentStage<In>,
  surroundings: StageSurroundings,
  options: ConcurrentStageOptions<In>,
): Promise<RunningStage> {
  const consumer = new ConcurrentConsumer(stage, surroundings, options);
  await consumer.start();
  return consumer;
}
