/** The settings of a group member. All times are in milliseconds. */
export interface ConsumerSettings {
  /** A member that is silent for this long counts as dead, and its partitions are assigned to others. */
  readonly sessionTimeoutMs: number;
  /** How long the group waits for a member to rejoin. It bounds the time of a slice. */
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long the broker may delay a fetch that has not reached `fetchBytesMin`. */
  readonly fetchWaitMsMax: number;
  /** The broker answers a fetch at once when it has this many bytes; with 1, as soon as there is a message. */
  readonly fetchBytesMin: number;
  /** Non-empty fetches are at least this far apart, so that messages which arrive in between share one. */
  readonly fetchEveryMs: number;
  /** How many partitions a slice stage processes at once. */
  readonly partitionsAtOnce: number;
  readonly fetchBytesPerPartition: number;
  /** How long new partitions of the topic may stay unread. */
  readonly metadataMsMax: number;
  /** Lag without progress for this long ends the process. */
  readonly noProgressMs: number;
}

/**
 * For stages whose results no client waits for. The broker gathers messages for a quarter of a
 * second. Singly, each message would cost a fetch, a slice and a commit, which is several times the
 * work on the message itself.
 */
export const gathering: Pick<ConsumerSettings, "fetchWaitMsMax" | "fetchBytesMin"> = {
  fetchWaitMsMax: 250,
  fetchBytesMin: 256 * 1_024,
};

/** The group notices a member that was killed with -9 after 8 s. The broker's own lower bound is 6 s. */
export const defaultConsumerSettings: ConsumerSettings = {
  sessionTimeoutMs: 8_000,
  rebalanceTimeoutMs: 30_000,
  heartbeatMs: 1_000,
  fetchWaitMsMax: 500,
  fetchBytesMin: 1,
  fetchEveryMs: 5,
  partitionsAtOnce: 4,
  fetchBytesPerPartition: 1_024 * 1_024,
  metadataMsMax: 10_000,
  noProgressMs: 120_000,
};
