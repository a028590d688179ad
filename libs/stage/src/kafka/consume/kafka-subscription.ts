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

/** One assignment of partitions, from joining the group to the next rebalance. */
export interface Generation {
  readonly id: number;
  readonly partitions: readonly number[];
  /** Aborted as soon as we begin to join again: nothing of it may be committed any more. */
  readonly ended: AbortSignal;
}

export interface FetchedBatch {
  readonly generation: Generation;
  readonly partition: number;
  readonly messages: readonly RawMessage[];
  /** The next fetch begins behind this message. */
  resolve(offset: bigint): void;
  /** @throws when the group rebalances; harmless, the next fetch joins again */
  heartbeat(): Promise<void>;
  /** False when what is left of the batch is to be fetched again, by whoever then owns it. */
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
  /** The consumer is beyond repair: end the process, so that it is started again. */
  readonly onFatal: (code: StageFaultCode, reason: string) => void;
  readonly onBatch: (batch: FetchedBatch) => Promise<void>;
  /** The group is about to be joined anew; what is asked of the broker now still counts for this generation. */
  readonly onRebalancing?: () => void;
  /** No batch is wanted any more, and the group is left next; waited for, but not for ever. */
  readonly onLeaving?: () => Promise<void>;
  readonly onGeneration: (generation: Generation) => void;
  readonly onGenerationEnd: (generation: Generation) => void;
}

/** How long `stop` waits for a slice in hand, and then for the broker; milliseconds. */
const handMsMax = 20_000;
const goodbyeMsMax = 2_000;

/** Between attempts to subscribe, or to prepare an assignment. */
const clientBackOff: BackOff = { firstMs: 250, maxMs: 5_000 };

/** A consumer of one topic: membership, holds, commits. What is done with batches is its owner's. */
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
      isJoining: () => this.generation === undefined,
      partitions: () => this.generation?.partitions ?? [],
      isWaiting: () => this.isWaiting(),
      onFatal: (code, reason) => this.fail(code, reason),
    });
    this.listen();
  }

  /** Resolves when the first connection stands; until then it tries, for ever. */
  async start(): Promise<void> {
    const { signal } = this.halted;
    await retryWithBackOff(() => this.subscribe(signal), {
      signal,
      pauseMsAfter: (error, failures) => {
        const { logger, topic } = this.parts;
        logger.warn({ topic, reason: this.reasonOf(error), err: error }, "cannot subscribe yet");
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
   * Waits for the batches in hand, leaves the group, disconnects. Bounded: with
   * the broker away the client tries to leave for a minute, and the group
   * notices without it.
   */
  async stop(): Promise<void> {
    this.halted.abort();
    this.watch.stop();
    // What ends from here on is committed by whoever sees that it is the last.
    await goodbye(this.parts.onLeaving?.() ?? Promise.resolve());
    const left = this.consumer.disconnect().catch(() => undefined);
    await Promise.race([left, this.watch.idle(handMsMax)]);
    await goodbye(left);
    this.generationEnds();
    await goodbye(this.admin.disconnect());
  }

  /**
   * Commits under the generation the work was done in, or not at all. False
   * when it was not done; then the messages come again, to whoever owns them.
   *
   * @param next the offset after the last finished message
   */
  async commit(generation: Generation, offsets: ReadonlyMap<number, bigint>): Promise<boolean> {
    if (generation.ended.aborted || !this.commitDirectly || offsets.size === 0) return false;
    const partitions = [...offsets].map(([partition, next]) => ({
      partition,
      offset: String(next),
    }));
    try {
      await this.commitDirectly({ topics: [{ topic: this.topic, partitions }] });
      this.watch.committed(offsets);
      return true;
    } catch (error) {
      const { logger, topic } = this.parts;
      logger.debug({ topic, reason: messageOf(error) }, "offsets are not committed now");
      return false;
    }
  }

  private listen(): void {
    const { GROUP_JOIN, CRASH, FETCH, REBALANCING } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, ({ payload }) =>
      this.generationBegins(payload.memberAssignment[this.topic] ?? []),
    );
    this.consumer.on(REBALANCING, () => this.parts.onRebalancing?.());
    this.consumer.on(FETCH, () => this.watch.fetched());
    this.consumer.on(CRASH, ({ payload: { error, restart } }) => {
      this.parts.logger.warn({ err: error, restart }, "the consumer crashed");
      this.generationEnds();
      if (!restart) this.fail("STAGE_CONSUMER_CRASHED", this.reasonOf(error));
    });
  }

  /** Runs within the join, before the first fetch: what is held now is not fetched. */
  private generationBegins(partitions: readonly number[]): void {
    this.endGeneration = new AbortController();
    this.generations += 1;
    const generation: Generation = {
      id: this.generations,
      partitions,
      ended: this.endGeneration.signal,
    };
    this.generation = generation;
    this.watch.fetched();
    this.holds.releaseAll();
    for (const partition of partitions) this.holds.hold(partition, "assigning");
    this.parts.onGeneration(generation);
    void this.prepare(generation);
  }

  private generationEnds(): void {
    const generation = this.generation;
    if (!generation || generation.ended.aborted) return;
    this.generation = undefined;
    this.watch.fetched();
    this.endGeneration.abort();
    this.parts.onGenerationEnd(generation);
    try {
      this.parts.hooks.onRevoked?.(generation.partitions);
    } catch (error) {
      // Thrown further it would break the join, and with it the consumer.
      this.parts.logger.error({ topic: this.parts.topic, err: error }, "defect in onRevoked");
    }
  }

  /** Tries until it is done or the generation is over; meanwhile nothing of it is fetched. */
  private async prepare(generation: Generation): Promise<void> {
    await retryWithBackOff(() => this.assign(generation), {
      signal: generation.ended,
      pauseMsAfter: (error, failures) => {
        const fields = { topic: this.parts.topic, err: error };
        if (isOutage(error)) this.parts.logger.warn(fields, "assignment must wait");
        else this.parts.logger.error(fields, "assignment fails, and is tried again");
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
    const { partition, messages, highWatermark } = payload.batch;
    this.watch.sawHighWatermark(partition, BigInt(highWatermark));
    const batch: FetchedBatch = {
      generation,
      partition,
      messages: messages.map((message) => rawMessageOf(this.parts.topic, partition, message)),
      resolve: (offset) => payload.resolveOffset(String(offset)),
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
    // The client fetches again when all batches of the last fetch are done.
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
    this.parts.logger.error({ code, topic: this.parts.topic, reason }, "the consumer is lost");
    this.parts.onFatal(code, reason);
  }

  private place(partition: number): { topic: string; partitions: number[] }[] {
    return [{ topic: this.topic, partitions: [partition] }];
  }

  /** A full concurrent stage is no reason: handlers that never end are what the watch is for. */
  private isWaiting(): boolean {
    return (this.generation?.partitions ?? []).some(
      (partition) =>
        this.holds.isHeld(partition, "outage") || this.holds.isHeld(partition, "assigning"),
    );
  }

  /** The client refuses to pause while it restarts; the next generation begins without holds. */
  private quietly(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.parts.logger.debug({ reason: messageOf(error) }, "not pausing now");
    }
  }
}

/** Waits for a last request to the broker, whether it succeeds or not, but no longer than 2 s. */
async function goodbye(request: Promise<void>): Promise<void> {
  await withTimeout(
    request.catch(() => undefined),
    goodbyeMsMax,
    () => undefined,
  );
}
