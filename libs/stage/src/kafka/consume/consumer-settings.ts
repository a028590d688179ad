/** How a member behaves in its group; all times in milliseconds. */
export interface ConsumerSettings {
  /** A member that says nothing for this long is dead, and its partitions go to others. */
  readonly sessionTimeoutMs: number;
  /** How long the group waits for a member to come back; bounds a slice. */
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long the broker may hold a fetch back that has not gathered `fetchBytesMin`. */
  readonly fetchWaitMsMax: number;
  /** A fetch with as much is answered at once; 1 answers as soon as there is anything. */
  readonly fetchBytesMin: number;
  /** Fetches that bring something are at least this far apart: what comes meanwhile shares one. */
  readonly fetchEveryMs: number;
  /** Partitions worked on at once by a slice stage. */
  readonly partitionsAtOnce: number;
  readonly fetchBytesPerPartition: number;
  /** Lag without progress for this long ends the process. */
  readonly noProgressMs: number;
}

/**
 * For stages that nobody waits for: messages are gathered for a quarter of a second. Taken one by one,
 * each costs a fetch, a slice and a commit, which is several times the work on it.
 */
export const gathering: Pick<ConsumerSettings, "fetchWaitMsMax" | "fetchBytesMin"> = {
  fetchWaitMsMax: 250,
  fetchBytesMin: 256 * 1_024,
};

/** A member killed with -9 is noticed in 8 s; the broker's own lower bound is 6 s. */
export const defaultConsumerSettings: ConsumerSettings = {
  sessionTimeoutMs: 8_000,
  rebalanceTimeoutMs: 30_000,
  heartbeatMs: 1_000,
  fetchWaitMsMax: 500,
  fetchBytesMin: 1,
  fetchEveryMs: 5,
  partitionsAtOnce: 4,
  fetchBytesPerPartition: 1_024 * 1_024,
  noProgressMs: 120_000,
};
