import { expect, test } from "vitest";
import { Handoff } from "./handoff.ts";
import { Records } from "./records.ts";

const never = new AbortController().signal;
const isWanted = (record: number): boolean => record > 0;

/** Records whether it was closed. */
class Opened {
  closed = false;
  async close(): Promise<void> {
    this.closed = true;
  }
}

test("a loop receives the wanted records in order, and leaving it closes the reader", async () => {
  const [handoff, opened] = [new Handoff<number>(), new Opened()];
  const records = new Records({
    ...{ handoff, isWanted, signal: never },
    opening: Promise.resolve(opened),
  });
  void handoff.give([1, -1, 2, 3]);
  const seen: number[] = [];
  for await (const record of records) {
    seen.push(record);
    if (record === 2) break;
  }
  expect(seen).toEqual([1, 2]);
  expect(opened.closed).toBe(true);
});

test("two calls of next at the same time return two records", async () => {
  const handoff = new Handoff<number>();
  const records = new Records({
    ...{ handoff, isWanted, signal: never },
    opening: Promise.resolve(new Opened()),
  });
  const both = [records.next(), records.next()];
  void handoff.give([1, 2]);
  expect((await Promise.all(both)).map(({ value }) => value)).toEqual([1, 2]);
});

test("a signal ends the loop without an error, and closes the reader even if no loop iterates", async () => {
  const [handoff, opened] = [new Handoff<number>(), new Opened()];
  const stop = new AbortController();
  const records = new Records({
    ...{ handoff, isWanted, signal: stop.signal },
    opening: Promise.resolve(opened),
  });
  stop.abort();
  await expect.poll(() => opened.closed).toBe(true);
  expect(await records.next()).toEqual({ done: true, value: undefined });
});

test("the error of a reader that cannot start is thrown by the first next", async () => {
  const records = new Records({
    ...{ handoff: new Handoff<number>(), isWanted, signal: never },
    opening: Promise.reject(new Error("no broker")),
  });
  await expect(records.next()).rejects.toThrow("no broker");
});
