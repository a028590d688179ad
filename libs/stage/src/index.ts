export { type BackOff, backOffMs, defaultBackOff } from "./back-off.ts";
export { type ConsumerSettings, defaultConsumerSettings, gathering } from "./consumer-settings.ts";
export {
  type DeadLetter,
  deadLetter,
  type Delivery,
  type Effect,
  emit,
  isDeadLetter,
  type Outgoing,
  outgoing,
  type OutgoingHeaders,
  type Publishable,
  skip,
} from "./effects.ts";
export { EventProducer } from "./event-producer.ts";
export type { StageFaultCode } from "./faults.ts";
export { type AccessRule, KafkaAccess } from "./kafka-access.ts";
export { groupIdOf, type KafkaConnection, prefixed } from "./kafka-connection.ts";
export { KafkaEventProducer, type KafkaEventProducerOptions } from "./kafka-event-producer.ts";
export type { KafkaProducerOptions } from "./kafka-producer.ts";
export { KafkaTopicAdmin } from "./kafka-topic-admin.ts";
export { KafkaTopicLog } from "./kafka-topic-log.ts";
export { KafkaTopicOffsets } from "./kafka-topic-offsets.ts";
export type { RawMessage } from "./raw-message.ts";
export { type StageConnection, type StageConnectionSource, StageModule } from "./stage-module.ts";
export { deliveryOf, InMemoryEventProducer } from "./in-memory-event-producer.ts";
export { TopicAdmin, type TopicFound, type TopicPlan } from "./topic-admin.ts";
export { type Extent, TopicLog } from "./topic-log.ts";
export { TopicOffsets } from "./topic-offsets.ts";
export { traced, type TraceHeaders, traceIn, traceInOrNew } from "./trace.ts";
export { type LaneStageOptions, runLaneStage } from "./lane-consumer.ts";
export { silentLogger, type StageLogger } from "./logger.ts";
export type { UnknownSchemas } from "./message-desk.ts";
export type { StageOptions, StageSurroundings } from "./run-options.ts";
export { runSliceStage, type RunningStage, type SliceStageOptions } from "./slice-consumer.ts";
export {
  DeadLetterOutcome,
  type LaneContext,
  LaneStage,
  type LaneWait,
  NoDeadLetterOutcome,
  SliceStage,
  waitInLane,
} from "./stage.ts";
