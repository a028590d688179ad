import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Following, RawMessage, TopicFollower } from "../src/index.ts";

export interface FollowerHarness {
  readonly follower: TopicFollower;
  /** Names of two empty topics, without prefix. */
  readonly topics: readonly [string, string];
  append(topic: string, key: string, value: string | null): Promise<void>;
  close(): Promise<void>;
}

/** What every follower promises. */
export function topicFollowerContract(create: () => Promise<FollowerHarness>): void {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function harness(): Promise<FollowerHarness> {
    const made = await create();
    cleanups.push(() => made.close());
    return made;
  }

  function follow({ follower, topics }: FollowerHarness) {
    const seen: string[] = [];
    const following: Following = follower.follow(topics, (messages) => {
      seen.push(...messages.map(shown));
    });
    cleanups.push(() => following.stop());
    return { seen, following };
  }

  test("everything that the topics have is passed on before the follower has caught up", async () => {
    const given = await harness();
    const [first, second] = given.topics;
    await given.append(first, "a", "1");
    await given.append(second, "b", "2");
    await given.append(first, "a", "3");
    const { seen, following } = follow(given);
    await following.caughtUp;
    expect(following.isCaughtUp).toBe(true);
    expect(seen.filter((each) => each.startsWith(first))).toEqual([`${first} a=1`, `${first} a=3`]);
    expect(seen.filter((each) => each.startsWith(second))).toEqual([`${second} b=2`]);
  });

  test("empty topics are read at once, and what is appended later is passed on", async () => {
    const given = await harness();
    const { seen, following } = follow(given);
    await following.caughtUp;
    await given.append(given.topics[1], "k", "later");
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([`${given.topics[1]} k=later`]);
  });

  test("the removal of an entry is a message without a value", async () => {
    const given = await harness();
    await given.append(given.topics[0], "k", null);
    const { seen, following } = follow(given);
    await following.caughtUp;
    expect(seen).toEqual([`${given.topics[0]} k=null`]);
  });

  test("two followers receive all messages each", async () => {
    const given = await harness();
    const [one, other] = [follow(given), follow(given)];
    await given.append(given.topics[0], "k", "v");
    for (const { seen } of [one, other])
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual([`${given.topics[0]} k=v`]);
  });

  test("nothing is passed on after the stop", async () => {
    const given = await harness();
    const { seen, following } = follow(given);
    await following.caughtUp;
    await following.stop();
    await given.append(given.topics[0], "k", "v");
    await pause(700);
    expect(seen).toEqual([]);
  });
}

function shown({ topic, key, value }: RawMessage): string {
  return `${topic} ${key?.toString()}=${value?.toString() ?? "null"}`;
}
