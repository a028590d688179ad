import { expect, test } from "vitest";
import { Handoff } from "./handoff.ts";

test("the records of all slices are taken one by one, in order", async () => {
  const handoff = new Handoff<number>();
  void handoff.give([1, 2]);
  void handoff.give([]);
  void handoff.give([3]);
  expect([await handoff.take(), await handoff.take(), await handoff.take()]).toEqual([1, 2, 3]);
});

test("a slice is finished when the loop requests the record after its last one", async () => {
  const handoff = new Handoff<number>();
  let done: boolean | undefined;
  void handoff.give([1, 2]).then((isProcessed) => (done = isProcessed));
  await handoff.take();
  await handoff.take();
  await Promise.resolve();
  expect(done).toBeUndefined();
  const next = handoff.take();
  await new Promise(setImmediate);
  expect(done).toBe(true);
  void handoff.give([3]);
  expect(await next).toBe(3);
});

test("a slice that is unfinished when the reader closes does not count as processed, and the loop ends", async () => {
  const handoff = new Handoff<number>();
  const inHand = handoff.give([1, 2]);
  const waiting = handoff.give([3]);
  await handoff.take();
  handoff.close();
  expect([await inHand, await waiting, await handoff.give([4])]).toEqual([false, false, false]);
  expect(await handoff.take()).toBeUndefined();
});

test("closing ends a loop that waits for a record", async () => {
  const handoff = new Handoff<number>();
  const next = handoff.take();
  handoff.close();
  expect(await next).toBeUndefined();
});

test("a reader that broke down ends the loop with its error", async () => {
  const handoff = new Handoff<number>();
  handoff.close(new Error("no broker"));
  await expect(handoff.take()).rejects.toThrow("no broker");
});
