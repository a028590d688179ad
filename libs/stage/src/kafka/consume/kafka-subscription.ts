import type kafkajs from "kafkajs";
import { type BackOff, doubledMs, retryWithBackOff, sleep, withTimeout } from "@sluice/domain";
import type { ConsumerSettings } from "./consumer-settings.ts";
import { brokerReasonOf } from "../broker-trouble.ts";
import { isOutage, messageOf, type StageFaultCode } from "../../core/faults.ts";
import { generationHook } from "./generation-hook.ts";
import {
  type KafkaConnection,
  kafkaClientOf,
  defaultClientRetry,
  prefixed,
} from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";
import type { StageMetrics } from "../../core/metrics.ts";
import { PartitionHolds } from "./partition-holds.ts";
import { type RawMessage, rawMessageOf } from "../../core/raw-message.ts";
import type { PartitionHooks } from "../../core/stage.ts";
import { StartingOffsets } from "./starting-offsets.ts";
import { SubscriptionWatch } from "./subscription-watch.ts";

/** One assignment of partitions, from the join of the group to the next rebalance. */
export interface Generation {
  readonly id: number;
  readonly partitions: readonly number[];
  /**
   * Aborted when the member begins to join again. Then nothing of this generation may be committed
   * any more.
   */
  readonly ended: AbortSignal;
}

export interface FetchedBatch {
  readonly generation: Generation;
  readonly partition: number;
  readonly messages: readonly RawMessage[];
  /**
   * The offset behind the batch. The last message may be before it, because the markers and the
   * aborted messages of transactions have offsets too.
   */
  readonly next: bigint;
  /** Makes the next fetch begin behind this message. */
  resolve(offset: bigint): void;
  /** @throws when the group rebalances, which is harmless: the next fetch joins again */
  heartbeat(): Promise<void>;
  /**
   * Returns false when the rest of the batch is to be fetched again, by the member that owns the
   * partition then.
   */
  isWanted(): boolean;
}

export interface SubscriptionParts {
  readonly connection: KafkaConnection;
  readonly groupId: string;
  /** Without prefix. */
  readonly topic: string;
  readonly hooks: PartitionHooks;
  readonly settings: ConsumerSettings;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
  /** Called when the consumer cannot recover: end the process, so that its supervisor starts it again. */
  readonly onFatal: (code: StageFaultCode, reason: string) => void;
  readonly onBatch: (batch: FetchedBatch) => Promise<void>;
  /** Called instead if a batch has no messages. Everything before `next` has been passed on. */
  readonly onPassed: (partition: number, next: bigint) => void;
  /**
   * Called when the member is about to join again. Requests to the broker still count for this
   * generation now.
   */
  readonly onRebalancing?: () => void;
  /** Called when no more batches are processed, before the member leaves the group. Waited for, up to 2 s. */
  readonly onLeaving?: () => Promise<void>;
  readonly onGeneration: (generation: Generation) => void;
  readonly onGenerationEnd: (generation: Generation) => void;
}

/**
 * How long `stop` waits for the slice that is being processed, and then for each request to the
 * broker, in milliseconds.
 */
const sliceMsMax = 20_000;
const lastRequestMsMax = 2_000;

/** Between attempts to subscribe, or to prepare an assignment. */
const clientBackOff: BackOff = { firstMs: 250, maxMs: 5_000 };

/** Consumes one topic: group membership, paused partitions and commits. Its owner processes the batches. */
export class KafkaSubscription {
  readonly holds: PartitionHolds;
  readonly watch: SubscriptionWatch;
  private readonly consumer: kafkajs.Consumer;
  private readonly admin: kafkajs.Admin;
  private readonly starting: StartingOffsets;
  private readonly topic: string;
  private generation: Generation | undefined;
  private generations = 0;
  private endGeneration = new AbortController();
  private commitDirectly: ((offsets: kafkajs.Offsets) => Promise<void>) | undefined;
  private readonly halted = new AbortController();

  constructor(private readonly parts: SubscriptionParts) {
    const { connection, groupId, settings, logger, metrics } = parts;
    this.topic = prefixed(connection, parts.topic);
    const kafka = kafkaClientOf(connection, logger, defaultClientRetry);
    this.consumer = kafka.consumer({
      groupId,
      sessionTimeout: settings.sessionTimeoutMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      heartbeatInterval: settings.heartbeatMs,
      maxWaitTimeInMs: settings.fetchWaitMsMax,
      minBytes: settings.fetchBytesMin,
      maxBytesPerPartition: settings.fetchBytesPerPartition,
      metadataMaxAge: settings.metadataMsMax,
      allowAutoTopicCreation: false,
      retry: { ...defaultClientRetry },
      partitionAssigners: [generationHook(() => this.generationEnds())],
    });
    this.admin = kafka.admin();
    this.starting = new StartingOffsets(this.admin, this.consumer, groupId, this.topic);
    this.holds = new PartitionHolds(
      (partition) => this.quietly(() => this.consumer.pause(this.place(partition))),
      (partition) => this.quietly(() => this.consumer.resume(this.place(partition))),
      (held) => metrics.pausedPartitions(held),
    );
    this.watch = new SubscriptionWatch({
      admin: this.admin,
      groupId,
      topic: this.topic,
      shownTopic: parts.topic,
      settings,
      metrics,
      logger,
      partitions: () => this.generation?.partitions ?? [],
      isWaiting: () => this.isWaiting(),
      onFatal: (code, reason) => this.fail(code, reason),
    });
    this.listen();
  }

  /** False if the consumer has ended, or has had no assignment for a while: then its messages wait. */
  get isAssigned(): boolean {
    return !this.halted.signal.aborted && this.watch.isAssigned;
  }

  /** Resolves when the consumer is subscribed. Until then it tries again indefinitely. */
  async start(): Promise<void> {
    const { signal } = this.halted;
    await retryWithBackOff(() => this.subscribe(signal), {
      signal,
      pauseMsAfter: (error, failures) => {
        const { logger, topic } = this.parts;
        logger.warn(
          { topic, reason: this.reasonOf(error), err: error },
          "cannot subscribe yet; trying again",
        );
        return doubledMs(clientBackOff, failures);
      },
    });
    if (signal.aborted) return;
    this.watch.start();
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.parts.settings.partitionsAtOnce,
      eachBatch: (payload) => this.takeBatch(payload),
    });
  }

  private async subscribe(halted: AbortSignal): Promise<void> {
    if (halted.aborted) return;
    await this.admin.connect();
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true });
  }

  /**
   * Waits for the batches that are being processed, leaves the group and disconnects. Bounded:
   * without a broker the client would try to leave for a minute, and the group notices a missing
   * member anyway.
   */
  async stop(): Promise<void> {
    this.halted.abort();
    this.watch.stop();
    // From here on, the owner commits each batch when it ends.
    await lastRequest(this.parts.onLeaving?.() ?? Promise.resolve());
    const left = this.consumer.disconnect().catch(() => undefined);
    await Promise.race([left, this.watch.idle(sliceMsMax)]);
    await lastRequest(left);
    this.generationEnds();
    await lastRequest(this.admin.disconnect());
  }

  /**
   * Commits under the generation in which the work was done, or not at all. Returns false if it
   * did not commit; then the messages are redelivered to the member that owns their partition.
   *
   * @param next the offset after the last finished message
   */
  async commit(generation: Generation, offsets: ReadonlyMap<number, bigint>): Promise<boolean> {
    if (generation.ended.aborted || offsets.size === 0) return false;
    const partitions = [...offsets].map(([partition, next]) => ({
      partition,
      offset: String(next),
    }));
    try {
      await this.commitTo({ topics: [{ topic: this.topic, partitions }] });
      this.watch.progressed();
      return true;
    } catch (error) {
      const { logger, topic } = this.parts;
      logger.debug({ topic, reason: messageOf(error) }, "the offsets could not be committed now");
      return false;
    }
  }

  /** Before the first batch of a generation, the client has no other way to commit than one that repeats. */
  private async commitTo(offsets: kafkajs.Offsets): Promise<void> {
    if (this.commitDirectly) return this.commitDirectly(offsets);
    await this.consumer.commitOffsets(
      offsets.topics.flatMap(({ topic, partitions }) =>
        partitions.map((each) => ({ topic, ...each })),
      ),
    );
  }

  private listen(): void {
    const { GROUP_JOIN, CRASH, FETCH, FETCH_START, REBALANCING, START_BATCH_PROCESS } =
      this.consumer.events;
    this.consumer.on(GROUP_JOIN, ({ payload }) =>
      this.generationBegins(payload.memberAssignment[this.topic] ?? []),
    );
    this.consumer.on(REBALANCING, () => this.parts.onRebalancing?.());
    this.consumer.on(FETCH_START, () => this.joinAgainIfLost());
    this.consumer.on(FETCH, () => this.watch.fetched());
    this.consumer.on(START_BATCH_PROCESS, ({ payload: { batchSize, partition, lastOffset } }) => {
      if (batchSize === 0 && this.generation)
        this.parts.onPassed(partition, BigInt(lastOffset) + 1n);
    });
    this.consumer.on(CRASH, ({ payload: { error, restart } }) => {
      this.parts.logger.warn({ err: error, restart }, "the consumer crashed");
      this.generationEnds();
      if (!restart) this.fail("STAGE_CONSUMER_CRASHED", this.reasonOf(error));
    });
  }

  /**
   * If a request fails while the member joins, the client continues to fetch without an assignment,
   * and it may also have forgotten its member id. It then sends no heartbeat, so the broker never
   * asks it to join again. This stops the fetch with the error that the broker would return.
   */
  private joinAgainIfLost(): void {
    if (this.generation || this.halted.signal.aborted) return;
    this.parts.logger.warn({ topic: this.parts.topic }, "the join failed; joining again");
    throw new JoinFailed();
  }

  /** Runs within the join, before the first fetch, so that partitions held here are not fetched. */
  private generationBegins(partitions: readonly number[]): void {
    this.endGeneration = new AbortController();
    this.generations += 1;
    const generation: Generation = {
      id: this.generations,
      partitions,
      ended: this.endGeneration.signal,
    };
    this.generation = generation;
    this.commitDirectly = undefined;
    this.watch.assigned(partitions.length);
    this.holds.releaseAll();
    for (const partition of partitions) this.holds.hold(partition, "assigning");
    this.parts.onGeneration(generation);
    void this.prepare(generation);
  }

  private generationEnds(): void {
    const generation = this.generation;
    if (!generation || generation.ended.aborted) return;
    this.generation = undefined;
    this.watch.unassigned();
    this.endGeneration.abort();
    this.parts.onGenerationEnd(generation);
    try {
      this.parts.hooks.onRevoked?.(generation.partitions);
    } catch (error) {
      // An exception here would break the join, and with it the consumer.
      this.parts.logger.error(
        { topic: this.parts.topic, err: error },
        "onRevoked threw: a defect in the stage",
      );
    }
  }

  /** Prepares the partitions until it succeeds or the generation ends. Meanwhile they are not fetched. */
  private async prepare(generation: Generation): Promise<void> {
    await retryWithBackOff(() => this.assign(generation), {
      signal: generation.ended,
      pauseMsAfter: (error, failures) => {
        const fields = { topic: this.parts.topic, err: error };
        if (isOutage(error))
          this.parts.logger.warn(fields, "the assignment waits for an outage to end");
        else this.parts.logger.error(fields, "the assignment failed and is tried again");
        return doubledMs(clientBackOff, failures);
      },
    });
  }

  private async assign(generation: Generation): Promise<void> {
    if (generation.ended.aborted) return;
    await this.starting.settle(generation, this.parts.hooks);
    await this.parts.hooks.onAssigned?.(generation.partitions);
    if (generation.ended.aborted) return;
    for (const partition of generation.partitions) this.holds.release(partition, "assigning");
  }

  private async takeBatch(payload: kafkajs.EachBatchPayload): Promise<void> {
    const { generation } = this;
    if (!generation) return;
    this.commitDirectly = (offsets) => payload.commitOffsetsIfNecessary(offsets);
    const { partition, messages } = payload.batch;
    const batch: FetchedBatch = {
      generation,
      partition,
      messages: messages.map((message) => rawMessageOf(this.parts.topic, partition, message)),
      next: BigInt(payload.batch.lastOffset()) + 1n,
      resolve: (offset) => {
        // The client would apply it to the next generation, which may not have the partition.
        if (!generation.ended.aborted) payload.resolveOffset(String(offset));
      },
      heartbeat: () => payload.heartbeat(),
      isWanted: () =>
        payload.isRunning() &&
        !generation.ended.aborted &&
        !payload.isStale() &&
        !this.halted.signal.aborted &&
        !this.holds.isHeld(partition),
    };
    const startedAt = performance.now();
    await this.watch.working(() => this.parts.onBatch(batch));
    // The client fetches again when all batches of the last fetch are processed.
    const leftMs = startedAt + this.parts.settings.fetchEveryMs - performance.now();
    if (leftMs >= 1 && batch.isWanted()) await sleep(leftMs);
  }

  private reasonOf(error: unknown): string {
    const { connection, groupId: group } = this.parts;
    return brokerReasonOf(error, connection, { kind: "read", topic: this.topic, group });
  }

  private fail(code: StageFaultCode, reason: string): void {
    if (this.halted.signal.aborted) return;
    this.halted.abort();
    this.watch.stop();
    this.parts.metrics.fault(code);
    this.parts.logger.error(
      { code, topic: this.parts.topic, reason },
      "the consumer cannot recover",
    );
    this.parts.onFatal(code, reason);
  }

  private place(partition: number): { topic: string; partitions: number[] }[] {
    return [{ topic: this.topic, partitions: [partition] }];
  }

  /** A full concurrent stage is not a reason to wait, because the watch must find handlers that never end. */
  private isWaiting(): boolean {
    return (this.generation?.partitions ?? []).some(
      (partition) =>
        this.holds.isHeld(partition, "outage") || this.holds.isHeld(partition, "assigning"),
    );
  }

  /**
   * Ignores errors: the client refuses to pause while it restarts, and the next generation begins
   * without holds.
   */
  private quietly(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.parts.logger.debug({ reason: messageOf(error) }, "the client does not pause now");
    }
  }
}

/** Has the type by which the client recognises that the group rebalances. */
class JoinFailed extends Error {
  readonly type = "REBALANCE_IN_PROGRESS";
  override readonly message = "The last join failed before the member had an assignment.";
}

/** Waits for a last request to the broker, whether it succeeds or not, but no longer than 2 s. */
async function lastRequest(request: Promise<void>): Promise<void> {
  await withTimeout(
    request.catch(() => undefined),
    lastRequestMsMax,
    () => undefined,
  );
}
