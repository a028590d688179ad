/** The metrics of one stage. Their labels are bounded: no tenant, no request. */
export interface StageMetrics {
  message(effect: string): void;
  sliceTook(seconds: number): void;
  handleTook(seconds: number): void;
  fault(code: string): void;
  pausedPartitions(count: number): void;
  inHand(count: number): void;
  lag(topic: string, partition: number, messages: number): void;
  /** Partitions that the group has assigned to this member. */
  assignedPartitions(count: number): void;
}

export interface ProducerMetrics {
  published(messages: number): void;
  failed(code: string): void;
  waiting(messages: number): void;
}

/** Port: makes the metrics of stages and producers. Their names are in the README. */
export abstract class MetricsFactory {
  /** @param stage names the stage in the labels, as `StageOptions.group` */
  abstract forStage(stage: string): StageMetrics;
  abstract forProducer(): ProducerMetrics;
}

/** Measures nothing, for programs that nothing scrapes. */
export class NoMetrics extends MetricsFactory {
  override forStage(): StageMetrics {
    return {
      message: () => undefined,
      sliceTook: () => undefined,
      handleTook: () => undefined,
      fault: () => undefined,
      pausedPartitions: () => undefined,
      inHand: () => undefined,
      lag: () => undefined,
      assignedPartitions: () => undefined,
    };
  }

  override forProducer(): ProducerMetrics {
    return { published: () => undefined, failed: () => undefined, waiting: () => undefined };
  }
}
