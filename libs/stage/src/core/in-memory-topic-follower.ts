import type { RawMessage } from "./raw-message.ts";
import { type Following, TopicFollower } from "./topic-follower.ts";

interface Follower {
  readonly topics: ReadonlySet<string>;
  readonly take: (messages: readonly RawMessage[]) => void;
}

/** Keeps topics with one partition each in memory, for tests. */
export class InMemoryTopicFollower extends TopicFollower {
  readonly #log: RawMessage[] = [];
  readonly #followers = new Set<Follower>();

  /** @param value null removes the key's entry */
  append(topic: string, key: string, value: Buffer | null): void {
    const offset = BigInt(this.#log.filter((message) => message.topic === topic).length);
    const place = { topic, partition: 0, offset, appendedAt: 0 };
    const message: RawMessage = { ...place, key: Buffer.from(key), value, headers: {} };
    this.#log.push(message);
    for (const { topics, take } of this.#followers) if (topics.has(topic)) take([message]);
  }

  override follow(
    topics: readonly string[],
    take: (messages: readonly RawMessage[]) => void,
  ): Following {
    const follower: Follower = { topics: new Set(topics), take };
    const existing = this.#log.filter(({ topic }) => follower.topics.has(topic));
    if (existing.length > 0) take(existing);
    this.#followers.add(follower);
    return {
      isCaughtUp: true,
      caughtUp: Promise.resolve(),
      stop: async () => void this.#followers.delete(follower),
    };
  }
}
