export {
  type ConsumerSettings,
  defaultConsumerSettings,
  gathering,
} from "./kafka/consume/consumer-settings.ts";
export {
  type DeadLetter,
  deadLetter,
  type DeadLettering,
  type Delivery,
  type Effect,
  emit,
  isDeadLetter,
  type Outgoing,
  outgoing,
  type OutgoingHeaders,
  type Publishable,
  skip,
  tombstone,
  type Undecoded,
} from "./core/effects.ts";
export { EventProducer } from "./core/event-producer.ts";
export type { StageFaultCode } from "./core/faults.ts";
export { type AccessRule, KafkaAccess } from "./kafka/kafka-access.ts";
export { type GroupState, KafkaGroups } from "./kafka/kafka-groups.ts";
export { groupIdOf, type KafkaConnection, prefixed } from "./kafka/kafka-connection.ts";
export {
  KafkaEventProducer,
  type KafkaEventProducerOptions,
} from "./kafka/produce/kafka-event-producer.ts";
export type { KafkaProducerOptions } from "./kafka/produce/kafka-producer.ts";
export { KafkaTopicAdmin } from "./kafka/kafka-topic-admin.ts";
export { KafkaTopicLog } from "./kafka/kafka-topic-log.ts";
export { KafkaTopicOffsets } from "./kafka/kafka-topic-offsets.ts";
export type { RawMessage } from "./core/raw-message.ts";
export { InMemoryTopicFollower } from "./core/in-memory-topic-follower.ts";
export { type Following, TopicFollower } from "./core/topic-follower.ts";
export { KafkaTopicFollower } from "./kafka/follow/kafka-topic-follower.ts";
export { deliveryOf, InMemoryEventProducer } from "./core/in-memory-event-producer.ts";
export { TopicAdmin, type TopicFound, type TopicPlan } from "./core/topic-admin.ts";
export { type Extent, TopicLog } from "./core/topic-log.ts";
export { TopicOffsets } from "./core/topic-offsets.ts";
export { traced, type TraceHeaders, traceIn, traceInOrNew } from "./core/trace.ts";
export { type ConcurrentStageOptions, runConcurrentStage } from "./run/concurrent-consumer.ts";
export { silentLogger, type StageLogger } from "./core/logger.ts";
export {
  MetricsFactory,
  NoMetrics,
  type ProducerMetrics,
  type StageMetrics,
} from "./core/metrics.ts";
export type { UnknownSchemas } from "./run/message-reader.ts";
export type { StageOptions, StageSurroundings } from "./run/run-options.ts";
export { runSliceStage, type RunningStage, type SliceStageOptions } from "./run/slice-consumer.ts";
export {
  DeadLetterOutcome,
  type ConcurrentContext,
  ConcurrentStage,
  type Deferral,
  NoDeadLetterOutcome,
  SliceStage,
  defer,
} from "./core/stage.ts";
