/** A topic as it is to be; named without prefix. */
export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

/** A topic as it is. */
export interface TopicFound {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  /** All settings, the broker's defaults included. */
  readonly config: ReadonlyMap<string, string>;
}

/**
 * Port: what provisioning needs of the broker. Names are without prefix.
 * Everything throws TransientFault `STAGE_BROKER_UNAVAILABLE`.
 */
export abstract class TopicAdmin {
  /** How many brokers there are: no topic can have more replicas. */
  abstract brokerCount(): Promise<number>;

  /** Creates those that do not exist yet and leaves the others as they are; gives the names of the created. */
  abstract create(plans: readonly TopicPlan[]): Promise<readonly string[]>;

  /** Those of `names` that exist. */
  abstract describe(names: readonly string[]): Promise<readonly TopicFound[]>;

  /** Deletes those that exist. */
  abstract remove(names: readonly string[]): Promise<void>;

  abstract close(): Promise<void>;
}
