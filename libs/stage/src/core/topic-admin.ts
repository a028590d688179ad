/** The planned settings of a topic. Its name is without prefix. */
export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

/** The actual settings of a topic. */
export interface TopicFound {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  /** All settings, including the broker's defaults. */
  readonly config: ReadonlyMap<string, string>;
}

/**
 * Port: the operations on the broker that provisioning needs. Names are without prefix. All methods
 * throw TransientFault `STAGE_BROKER_UNAVAILABLE`.
 */
export abstract class TopicAdmin {
  /** Returns the number of brokers, which no topic's replication can exceed. */
  abstract brokerCount(): Promise<number>;

  /**
   * Creates the topics that do not exist, does not change the others, and returns the names of
   * those it created.
   */
  abstract create(plans: readonly TopicPlan[]): Promise<readonly string[]>;

  /** Returns the topics of `names` that exist. */
  abstract describe(names: readonly string[]): Promise<readonly TopicFound[]>;

  /** Deletes the topics of `names` that exist. */
  abstract remove(names: readonly string[]): Promise<void>;

  abstract close(): Promise<void>;
}
