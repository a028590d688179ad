import { expect, test } from "vitest";
import type { ChaosEvent } from "./chaos-run.ts";
import { linesOf, summaryOf } from "./report.ts";

const kill = { target: "kafka", action: { kind: "kill" } } as const;
const freeze = { target: "redis", action: { kind: "freeze", seconds: 12 } } as const;
const seen = {
  step: { number: 3, calmSeconds: 2, first: kill, second: null },
  ...{ notBack: [], backSeconds: 6.54, openAtReturn: 90, answeredSeconds: 4.01, unanswered: [] },
  ...{ groupsSeconds: 8, brokenGroups: [], readySeconds: 2, notReady: [], otherExits: [] },
};
const single: ChaosEvent = { kind: "step", seen, violations: [] };
const pair: ChaosEvent = {
  kind: "step",
  seen: {
    ...seen,
    step: { ...seen.step, number: 4, second: { fault: freeze, afterSeconds: 28.1 } },
    otherExits: ["dispatcher (exit code 1)"],
  },
  violations: ["Something was wrong."],
};
const checkpoint: ChaosEvent = {
  kind: "checkpoint",
  seen: {
    ...{ httpRequests: 1_000, streamed: 400, kafkaRequests: 100, repeated: 20 },
    ...{ interruptedStreams: 1, billedAttempts: 900, billNanoUsd: 5n, paidTwiceReported: 2 },
  },
  violations: [],
};

test("a step has one line with its times, and one for each violation", () => {
  expect(linesOf(single)).toEqual([
    "  3 kill of kafka: back 6.5 s, 90 waiting, answered 4.0 s, groups 8.0 s, ready 2.0 s",
  ]);
  expect(linesOf(pair)).toEqual([
    "  4 kill of kafka, 28.1 s later freeze of redis for 12 s: back 6.5 s, 90 waiting, answered 4.0 s, groups 8.0 s, ready 2.0 s; also ended: dispatcher (exit code 1)",
    "  VIOLATION Something was wrong.",
  ]);
});

test("of many violations the first twenty are shown", () => {
  const violations = Array.from({ length: 23 }, (_, index) => `Number ${index}.`);
  const lines = linesOf({ ...single, violations });
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)).toBe("  … and 3 further violations");
});

test("the summary has a row for each target with single faults, one for all pairs, and the totals", () => {
  const lines = summaryOf([single, pair, checkpoint]).split("\n");
  expect(lines).toContain("| kafka | 1 | 90 | 6.5 s | 4.0 s | 8.0 s | 2.0 s | 0 |");
  expect(lines).toContain("| redis | 0 | 0 | – | – | – | – | 0 |");
  expect(lines).toContain("| pairs | 1 | 90 | 6.5 s | 4.0 s | 8.0 s | 2.0 s | 1 |");
  expect(lines).toContain("| billed attempts | 900 |");
  expect(lines).toContain("| violations | 1 |");
});
