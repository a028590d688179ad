import type { Topic, TopicCodecs } from "@sluice/contracts";
import { assert, type BackOff, type Clock, SystemClock } from "@sluice/domain";
import {
  type ConsumerSettings,
  defaultConsumerSettings,
} from "../kafka/consume/consumer-settings.ts";
import type { EventProducer } from "../core/event-producer.ts";
import type { StageFaultCode } from "../core/faults.ts";
import { groupIdOf, type KafkaConnection } from "../kafka/kafka-connection.ts";
import { silentLogger, type StageLogger } from "../core/logger.ts";
import { MessageReader, type UnknownSchemas } from "./message-reader.ts";
import { type MetricsFactory, NoMetrics, type StageMetrics } from "../core/metrics.ts";
import { type DeadLetterOutcome, NoDeadLetterOutcome, type PartitionHooks } from "../core/stage.ts";

/** How long a stage waits for an outage to end before it tries again. */
const defaultBackOff: BackOff = { firstMs: 250, maxMs: 15_000 };

/** The surroundings that all stages of a process share. */
export interface StageSurroundings {
  readonly connection: KafkaConnection;
  readonly codecs: TopicCodecs;
  readonly producer: EventProducer;
  readonly deadLetterOutcome?: DeadLetterOutcome;
  readonly logger?: StageLogger;
  /** None when absent. */
  readonly metrics?: MetricsFactory;
  readonly clock?: Clock;
  /** Called when a consumer cannot recover. By default the process exits with code 1. */
  readonly onFatal?: (code: StageFaultCode, reason: string) => void;
}

/** The options of one stage. */
export interface StageOptions<In> {
  readonly on: Topic<In>;
  /**
   * `<service>` or `<service>.<role>`. Names the consumer group, and the stage in logs, metrics and
   * dead letters.
   */
  readonly group: string;
  readonly unknownSchemas?: UnknownSchemas;
  /**
   * Longer values are dead-lettered without being decoded, in bytes. For topics that outside
   * clients write: a compressed value can be far longer than its topic accepts.
   */
  readonly valueBytesMax?: number;
  readonly settings?: Partial<ConsumerSettings>;
  readonly backOff?: BackOff;
}

export interface StageParts<In> {
  readonly connection: KafkaConnection;
  readonly groupId: string;
  readonly topic: Topic<In>;
  readonly reader: MessageReader<In>;
  readonly producer: EventProducer;
  readonly settings: ConsumerSettings;
  readonly backOff: BackOff;
  readonly logger: StageLogger;
  readonly metrics: StageMetrics;
  readonly onFatal: (code: StageFaultCode, reason: string) => void;
}

export function partsOf<In>(
  surroundings: StageSurroundings,
  options: StageOptions<In>,
  stage: PartitionHooks,
): StageParts<In> {
  assert(
    options.on.deadLetter,
    "STAGE_NO_DEAD_LETTER_TOPIC",
    `${options.on.name} has no dead-letter topic, so a message that cannot be processed would stop its partition.`,
  );
  const { connection, codecs, producer, logger = silentLogger } = surroundings;
  const metrics = (surroundings.metrics ?? new NoMetrics()).forStage(options.group);
  const reader = new MessageReader({
    stage: options.group,
    topic: options.on,
    codecs,
    deadLetterOutcome: surroundings.deadLetterOutcome ?? new NoDeadLetterOutcome(),
    unknownSchemas: options.unknownSchemas ?? "wait",
    valueBytesMax: options.valueBytesMax ?? Number.POSITIVE_INFINITY,
    refuse: (message) => stage.refuseUndecoded?.(message),
    clock: surroundings.clock ?? new SystemClock(),
    logger,
    metrics,
  });
  return {
    connection,
    groupId: groupIdOf(connection, options.group),
    topic: options.on,
    reader,
    producer,
    settings: { ...defaultConsumerSettings, ...options.settings },
    backOff: options.backOff ?? defaultBackOff,
    logger,
    metrics,
    onFatal: surroundings.onFatal ?? exitProcess,
  };
}

/**
 * Ends the process, so that its supervisor starts it again. Otherwise partitions would stay unread
 * in a process that looks healthy.
 */
function exitProcess(): void {
  process.exitCode = 1;
  // Leaves time for the log lines that give the reason.
  setTimeout(() => process.exit(1), 100);
}
