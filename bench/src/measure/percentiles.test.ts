import fc from "fast-check";
import { expect, test } from "vitest";
import { percentilesOf } from "./percentiles.ts";

test("the 95th percentile of the latencies 1 to 100 ms is 95 ms", () => {
  const latencies = Float64Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentilesOf(latencies)).toEqual({ p50: 50, p95: 95, p99: 99 });
});

test("one failed request among twenty does not affect the 95th percentile, but two make it infinite", () => {
  const fast = Array.from({ length: 18 }, () => 1);
  expect(percentilesOf(Float64Array.from([...fast, 1, Infinity])).p95).toBe(1);
  expect(percentilesOf(Float64Array.from([...fast, Infinity, Infinity])).p95).toBe(Infinity);
});

test("without any answer all percentiles are infinite", () => {
  expect(percentilesOf(new Float64Array())).toEqual({
    p50: Infinity,
    p95: Infinity,
    p99: Infinity,
  });
});

test("percentiles are measured values, increase with their share, and do not depend on the order", () => {
  fc.assert(
    fc.property(fc.float64Array({ minLength: 1, noNaN: true }), (latencies) => {
      const { p50, p95, p99 } = percentilesOf(latencies);
      expect([...latencies]).toEqual(expect.arrayContaining([p50, p95, p99]));
      expect(p50 <= p95 && p95 <= p99).toBe(true);
      expect(percentilesOf(latencies.toReversed())).toEqual({ p50, p95, p99 });
    }),
  );
});
