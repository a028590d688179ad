import { PermanentFault, TransientFault } from "@sluice/domain";
import { expect, test } from "vitest";
import { retryUntil } from "./retry.ts";

const signal = new AbortController().signal;
const backOff = { firstMs: 1, maxMs: 2 };
const outage = () => new TransientFault("STAGE_BROKER_UNAVAILABLE", "away");

test("an outage that ends costs time, not the work", async () => {
  let calls = 0;
  const work = async (): Promise<string> => {
    calls += 1;
    if (calls < 4) throw outage();
    return "done";
  };
  expect(await retryUntil(work, { timeoutMs: 5_000, signal, backOff })).toBe("done");
  expect(calls).toBe(4);
});

test("an outage that outlasts the time is thrown", async () => {
  const work = () => Promise.reject<void>(outage());
  await expect(retryUntil(work, { timeoutMs: 20, signal, backOff })).rejects.toThrow("away");
});

test("what waiting does not repair is thrown at once", async () => {
  let calls = 0;
  const work = async (): Promise<void> => {
    calls += 1;
    throw new PermanentFault("STAGE_MESSAGE_REFUSED", "too large");
  };
  await expect(retryUntil(work, { timeoutMs: 5_000, signal, backOff })).rejects.toThrow(
    "too large",
  );
  expect(calls).toBe(1);
});

test("work that hangs is given up when the time is over", async () => {
  const hanging = () => new Promise<void>(() => undefined);
  await expect(retryUntil(hanging, { timeoutMs: 10, signal })).rejects.toThrow("within 10 ms");
});

test("an interruption ends the waiting with its reason", async () => {
  const interruption = new AbortController();
  const hanging = retryUntil(() => new Promise<void>(() => undefined), {
    timeoutMs: 5_000,
    signal: interruption.signal,
  });
  interruption.abort(new Error("enough"));
  await expect(hanging).rejects.toThrow("enough");
});
