import { expect, test } from "vitest";
import { Handoff } from "./handoff.ts";

test("records come one by one, in their order, over all slices", async () => {
  const handoff = new Handoff<number>();
  void handoff.give([1, 2]);
  void handoff.give([]);
  void handoff.give([3]);
  expect([await handoff.take(), await handoff.take(), await handoff.take()]).toEqual([1, 2, 3]);
});

test("a slice is dealt with when the loop asks for what follows its last record", async () => {
  const handoff = new Handoff<number>();
  let done: boolean | undefined;
  void handoff.give([1, 2]).then((dealtWith) => (done = dealtWith));
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

test("closed in between, a slice is not dealt with, and the loop ends", async () => {
  const handoff = new Handoff<number>();
  const inHand = handoff.give([1, 2]);
  const waiting = handoff.give([3]);
  await handoff.take();
  handoff.close();
  expect([await inHand, await waiting, await handoff.give([4])]).toEqual([false, false, false]);
  expect(await handoff.take()).toBeUndefined();
});

test("closing wakes a loop that waits", async () => {
  const handoff = new Handoff<number>();
  const next = handoff.take();
  handoff.close();
  expect(await next).toBeUndefined();
});

test("a reading that broke down ends the loop with what happened", async () => {
  const handoff = new Handoff<number>();
  handoff.close(new Error("no broker"));
  await expect(handoff.take()).rejects.toThrow("no broker");
});
