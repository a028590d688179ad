import { describe, expect, it } from "vitest";
import { backOffMs } from "./back-off.ts";

const backOff = { firstMs: 100, maxMs: 1_000 };
const widest = 0.999_999;

describe("back-off", () => {
  it("doubles with each failure in a row", () => {
    expect([1, 2, 3].map((n) => backOffMs(backOff, n, undefined, widest))).toEqual([100, 200, 400]);
  });

  it("never waits longer than its cap, however long the outage", () => {
    expect(backOffMs(backOff, 5_000, undefined, widest)).toBe(1_000);
  });

  it("spreads members down to three quarters", () => {
    expect(backOffMs(backOff, 1, undefined, 0)).toBe(75);
  });

  it("waits at least as long as the other side asked", () => {
    expect(backOffMs(backOff, 1, 5_000, 0)).toBe(5_000);
  });

  it("does not believe a request to wait for a day", () => {
    expect(backOffMs(backOff, 1, 86_400_000, 0)).toBe(60_000);
  });
});
