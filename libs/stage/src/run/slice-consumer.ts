import { backOffMs } from "@sluice/domain";
import { codeOf, messageOf } from "../core/faults.ts";
import {
  type FetchedBatch,
  type Generation,
  KafkaSubscription,
} from "../kafka/consume/kafka-subscription.ts";
import type { RawMessage } from "../core/raw-message.ts";
import {
  partsOf,
  type StageOptions,
  type StageParts,
  type StageSurroundings,
} from "./run-options.ts";
import { SliceRunner } from "./slice-runner.ts";
import { slicesOf } from "./slices.ts";
import { isOutage } from "../core/faults.ts";
import type { SliceStage } from "../core/stage.ts";

export interface SliceStageOptions<In> extends StageOptions<In> {
  /** The most messages of a slice; default 256. */
  readonly sliceMax?: number;
  /** The most bytes of the values of a slice; default 4 MiB. */
  readonly sliceBytesMax?: number;
}

export interface RunningStage {
  /** False if the consumer has had no assignment for a while: then its messages wait. */
  readonly isAssigned: boolean;
  /** Finishes the messages in progress, commits them and leaves the group. */
  stop(): Promise<void>;
}

/** How often a failed commit is tried again, in milliseconds. */
const recommitMs = 1_000;

/**
 * The delay of a commit after the end of a slice, in milliseconds. A commit costs the broker as much
 * as the messages do. Messages that a crash delivers again are skipped by their ids.
 */
const commitWaitMs = 200;

/**
 * Processes the partitions in slices. A batch stays inside the client's handler until it is
 * processed: slices are short, and a rebalance then finds everything finished. Offsets are committed
 * together, 200 ms later, and at once before the member leaves or rejoins the group.
 */
export class SliceConsumer<In> implements RunningStage {
  private readonly parts: StageParts<In>;
  private readonly runner: SliceRunner<In>;
  private readonly subscription: KafkaSubscription;
  private readonly limits: { readonly messages: number; readonly bytes: number };
  private readonly failures = new Map<number, number>();
  private readonly resumptions = new Map<number, NodeJS.Timeout>();
  private readonly uncommitted = new Map<number, bigint>();
  private generation: Generation | undefined;
  private recommit: NodeJS.Timeout | undefined;
  private commitSoon: NodeJS.Timeout | undefined;

  constructor(
    stage: SliceStage<In>,
    surroundings: StageSurroundings,
    options: SliceStageOptions<In>,
  ) {
    this.parts = partsOf(surroundings, options, stage);
    const { reader, producer, logger, topic, groupId } = this.parts;
    this.limits = {
      messages: options.sliceMax ?? 256,
      bytes: options.sliceBytesMax ?? 4 * 1_024 * 1_024,
    };
    this.runner = new SliceRunner(stage, reader, producer, logger);
    this.subscription = new KafkaSubscription({
      ...this.parts,
      groupId,
      topic: topic.name,
      hooks: stage,
      onBatch: (batch) => this.take(batch),
      onPassed: (partition, next) => this.noteDone(partition, next),
      onRebalancing: () => void this.commitPending(),
      onLeaving: () => this.commitPending(),
      onGeneration: (generation) => this.begin(generation),
      onGenerationEnd: () => this.forget(),
    });
  }

  get isAssigned(): boolean {
    return this.subscription.isAssigned;
  }

  async start(): Promise<void> {
    this.recommit = setInterval(() => void this.commitPending(), recommitMs);
    this.recommit.unref();
    await this.subscription.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.recommit);
    await this.subscription.stop();
    this.forget();
  }

  private begin(generation: Generation): void {
    this.forget();
    this.generation = generation;
  }

  private forget(): void {
    for (const timer of this.resumptions.values()) clearTimeout(timer);
    this.resumptions.clear();
    clearTimeout(this.commitSoon);
    this.commitSoon = undefined;
    this.failures.clear();
    this.uncommitted.clear();
    this.generation = undefined;
  }

  private async take(batch: FetchedBatch): Promise<void> {
    const beating = setInterval(
      () => void batch.heartbeat().catch(() => undefined),
      this.parts.settings.heartbeatMs,
    );
    try {
      for (const slice of slicesOf(batch.messages, this.limits)) {
        if (!batch.isWanted()) return;
        if (!(await this.work(batch, slice))) return;
      }
      if (!batch.generation.ended.aborted) this.noteDone(batch.partition, batch.next);
    } finally {
      clearInterval(beating);
      // If the member is about to leave or rejoin the group, it must commit now.
      const continues = await batch.heartbeat().then(
        () => batch.isWanted(),
        () => false,
      );
      if (!continues) await this.commitPending();
    }
  }

  /** Returns true if the slice is done and the next one may begin. */
  private async work(batch: FetchedBatch, slice: readonly RawMessage[]): Promise<boolean> {
    const startedAt = performance.now();
    const { done, outage } = await this.runner.run(slice).catch((error: unknown) => ({
      // Only a defect of this package arrives here. The messages must not be lost, so they wait for an operator.
      done: 0,
      outage: error,
    }));
    const last = slice[done - 1];
    if (last) {
      this.failures.delete(batch.partition);
      batch.resolve(last.offset);
      if (!batch.generation.ended.aborted) this.noteDone(batch.partition, last.offset + 1n);
      this.parts.metrics.sliceTook((performance.now() - startedAt) / 1_000);
    }
    if (outage === undefined) return true;
    this.waitFor(batch, slice[done]!, outage);
    return false;
  }

  private noteDone(partition: number, next: bigint): void {
    this.subscription.watch.progressed();
    this.uncommitted.set(partition, next);
    this.commitSoon ??= setTimeout(() => void this.commitPending(), commitWaitMs);
  }

  private async commitPending(): Promise<void> {
    clearTimeout(this.commitSoon);
    this.commitSoon = undefined;
    const { generation } = this;
    if (!generation || this.uncommitted.size === 0) return;
    const offsets = new Map(this.uncommitted);
    if (await this.subscription.commit(generation, offsets)) this.forgetCommitted(offsets);
  }

  private forgetCommitted(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of offsets)
      if (this.uncommitted.get(partition) === next) this.uncommitted.delete(partition);
  }

  /** Pauses the partition for a while. Then the same messages are delivered again. */
  private waitFor(batch: FetchedBatch, first: RawMessage, outage: unknown): void {
    const { partition, generation } = batch;
    if (generation.ended.aborted) return;
    const { holds } = this.subscription;
    const { reader, logger, metrics, backOff } = this.parts;
    const failures = (this.failures.get(partition) ?? 0) + 1;
    this.failures.set(partition, failures);
    const asked = isOutage(outage) ? outage.retryAfterMs : undefined;
    const waitMs = backOffMs(backOff, failures, asked, Math.random());
    const code = codeOf(outage, "STAGE_DEFECT");
    metrics.fault(code);
    const fields = { ...reader.fieldsOf(first), code, reason: messageOf(outage), failures, waitMs };
    if (isOutage(outage)) logger.warn(fields, "waiting for an outage to end");
    else logger.error({ ...fields, err: outage }, "a slice cannot be processed; trying again");
    holds.hold(partition, "outage");
    clearTimeout(this.resumptions.get(partition));
    this.resumptions.set(
      partition,
      setTimeout(() => holds.release(partition, "outage"), waitMs),
    );
  }
}

/** Starts a slice stage. Resolves when it is connected and reads. */
export async function runSliceStage<In>(
  stage: SliceStage<In>,
  surroundings: StageSurroundings,
  options: SliceStageOptions<In>,
): Promise<RunningStage> {
  const consumer = new SliceConsumer(stage, surroundings, options);
  await consumer.start();
  return consumer;
}
