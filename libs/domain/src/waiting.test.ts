import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backOffMs, doubledMs, retryWithBackOff, sleep, withTimeout } from "./waiting.ts";

const backOff = { firstMs: 100, maxMs: 1_000 };
const widest = 0.999_999;

describe("a back-off", () => {
  it("doubles with each failure in a row", () => {
    expect([1, 2, 3].map((n) => doubledMs(backOff, n))).toEqual([100, 200, 400]);
    expect([1, 2, 3].map((n) => backOffMs(backOff, n, undefined, widest))).toEqual([100, 200, 400]);
  });

  it("never waits longer than its cap, however long the outage", () => {
    expect(doubledMs(backOff, 5_000)).toBe(1_000);
    expect(backOffMs(backOff, 5_000, undefined, widest)).toBe(1_000);
  });

  it("spreads clients down to three quarters", () => {
    expect(backOffMs(backOff, 1, undefined, 0)).toBe(75);
  });

  it("waits at least as long as the other side asks for", () => {
    expect(backOffMs(backOff, 1, 5_000, 0)).toBe(5_000);
  });

  it("waits a minute at most when the other side asks for a day", () => {
    expect(backOffMs(backOff, 1, 86_400_000, 0)).toBe(60_000);
    expect(backOffMs({ firstMs: 1, maxMs: 90_000 }, 1, 86_400_000, 0)).toBe(90_000);
  });
});

describe("waiting", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("ends after its time", async () => {
    const ended = vi.fn<() => void>();
    void sleep(50).then(ended);
    await vi.advanceTimersByTimeAsync(49);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  it("ends at an interruption, and at once after one", async () => {
    const interruption = new AbortController();
    const asleep = sleep(50, interruption.signal);
    interruption.abort();
    await asleep;
    await sleep(50, interruption.signal);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("returns what work in time returns, and leaves no timer", async () => {
    expect(await withTimeout(Promise.resolve(1), 50, () => 2)).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("returns what replaces work that is too late", async () => {
    const late = withTimeout(new Promise<number>(() => undefined), 50, () => 2);
    await vi.advanceTimersByTimeAsync(50);
    expect(await late).toBe(2);
  });

  it("throws the error that replaces work that is too late", async () => {
    const late = withTimeout(new Promise<number>(() => undefined), 50, () => {
      throw new Error("too late");
    });
    await Promise.all([expect(late).rejects.toThrow("too late"), vi.advanceTimersByTimeAsync(50)]);
  });

  it("throws the reason of an interruption, before and during the work", async () => {
    const interruption = new AbortController();
    const hanging = new Promise<void>(() => undefined);
    const { signal } = interruption;
    const interrupted = withTimeout(hanging, 50, () => undefined, signal);
    interruption.abort(new Error("enough"));
    await expect(interrupted).rejects.toThrow("enough");
    await expect(withTimeout(hanging, 50, () => undefined, signal)).rejects.toThrow("enough");
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("retrying", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const failing = (failures: number) => {
    let calls = 0;
    return vi.fn<() => Promise<string>>(async () => {
      calls += 1;
      if (calls <= failures) throw new Error(`failure ${calls}`);
      return "done";
    });
  };

  it("repeats the work after the pauses that it is given", async () => {
    const work = failing(2);
    const done = retryWithBackOff(work, { pauseMsAfter: (_error, n) => doubledMs(backOff, n) });
    await vi.advanceTimersByTimeAsync(100);
    expect(work).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(await done).toBe("done");
    expect(work).toHaveBeenCalledTimes(3);
  });

  it("throws the last error when it gives up", async () => {
    const work = failing(5);
    const done = retryWithBackOff(work, { pauseMsAfter: (_error, n) => (n < 3 ? 10 : undefined) });
    await Promise.all([
      expect(done).rejects.toThrow("failure 3"),
      vi.advanceTimersByTimeAsync(100),
    ]);
    expect(work).toHaveBeenCalledTimes(3);
  });

  it("makes the next attempt at once when its wait is interrupted", async () => {
    const interruption = new AbortController();
    const done = retryWithBackOff(failing(1), {
      pauseMsAfter: () => 60_000,
      signal: interruption.signal,
    });
    await vi.advanceTimersByTimeAsync(0);
    interruption.abort();
    expect(await done).toBe("done");
  });
});
