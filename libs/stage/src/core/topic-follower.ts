import type { RawMessage } from "./raw-message.ts";

/** A reading of topics that continues until it is stopped. */
export interface Following {
  /** Whether everything has been passed on that the topics had when the reading began. It stays true during an outage. */
  readonly isCaughtUp: boolean;
  /** Resolves when `isCaughtUp` becomes true; never if the reading is stopped before. */
  readonly caughtUp: Promise<void>;
  /** Ends the reading. Nothing is passed on afterwards. */
  stop(): Promise<void>;
}

/**
 * Port: reads whole topics from their beginning and follows them, without a consumer group, so that every process has
 * all messages. It serves small compacted topics whose latest entries a process keeps in memory.
 */
export abstract class TopicFollower {
  /**
   * Passes all messages of the topics to `take`, in the order of each partition, and then each new message. During an
   * outage of the broker, and while a topic does not exist, it tries again indefinitely. A message may be passed on
   * again, in its place in the order, if a topic was deleted and created again.
   *
   * @param topics names without prefix
   * @param take must not throw
   */
  abstract follow(
    topics: readonly string[],
    take: (messages: readonly RawMessage[]) => void,
  ): Following;
}
