import { expect, test } from "vitest";
import type { Answer } from "./answer.ts";
import { percentileOf, summaryText, Tally } from "./tally.ts";

function answered(latencyMs: number, costNanoUsd: bigint | null, cache = "miss"): Answer {
  const served = { requestId: "r", cache, tier: "economy", model: "m", response: {}, text: "" };
  return { kind: "answered", ...served, costNanoUsd, latencyMs };
}

const declined: Answer = {
  kind: "declined",
  status: 402,
  code: "budget_exceeded",
  message: "No.",
  latencyMs: 1,
};

test("a summary has the exact cost, the hits, and the latencies of answered requests only", () => {
  const tally = new Tally(6);
  tally.add(answered(10, 9_007_199_254_740_993n));
  tally.add(answered(30, 1n));
  tally.add(answered(2, 0n, "exact"));
  tally.add(declined);
  tally.add({ ...declined, kind: "failed" });
  const summary = tally.summaryAfter(1.23);
  expect(summary).toEqual({
    lines: 6,
    answered: 3,
    declined: 1,
    failed: 1,
    unfinished: 1,
    hits: 1,
    costNanoUsd: 9_007_199_254_740_994n,
    latencyP50Ms: 10,
    latencyP95Ms: 30,
    seconds: 1.2,
  });
  expect(summaryText(summary)).toBe(
    [
      "  answered    3 of 6 (1 from the cache)",
      "  declined    1",
      "  failed      1",
      "  unfinished  1; run the command again, and no request is paid twice",
      "  cost        $9007199.254740994",
      "  latency     P50 10 ms, P95 30 ms",
      "  time        1.2 s",
      "",
    ].join("\n"),
  );
});

test("if nothing was answered, the summary has no latency", () => {
  expect(summaryText(new Tally(0).summaryAfter(0))).not.toContain("P50");
});

test.each([
  [[], 0.5, null],
  [[7], 0.95, 7],
  [[1, 2, 3, 4], 0.5, 2],
  [Array.from({ length: 100 }, (_, at) => at + 1), 0.95, 95],
])("the percentile of %j at %d is %j", (sorted, share, expected) => {
  expect(percentileOf(sorted, share)).toBe(expected);
});
