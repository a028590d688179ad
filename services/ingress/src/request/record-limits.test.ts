import { defaultRequirements } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { excessIn } from "./record-limits.ts";

test("an ordinary record, and one at every limit, are within bounds", () => {
  expect(excessIn(aRequest())).toBeUndefined();
  const numbered = Array.from({ length: 64 }, (_, index) => [
    `${index}`.padEnd(64, "n"),
    "é".repeat(512),
  ]);
  const most = aRequest({
    tags: Object.fromEntries(numbered),
    sessionId: "s".repeat(128),
    requirements: { ...defaultRequirements, maxLatencyMs: 0, maxCostNanoUsd: 0n },
    cache: { mode: "use", ttlSeconds: 0 },
  });
  expect(excessIn(most)).toBeUndefined();
});

const manyTags = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`${index}`, ""]));

test.each([
  ["a session with a space", { sessionId: "two words" }, "sessionId"],
  ["an empty run", { runId: "" }, "runId"],
  ["a user that a spreadsheet reads as a formula", { user: "=1+1" }, "user"],
  ["a feature that is too long", { feature: "f".repeat(129) }, "feature"],
  ["a step that is too long", { stepId: "s".repeat(129) }, "stepId"],
  [
    "a latency below zero",
    { requirements: { ...defaultRequirements, maxLatencyMs: -1 } },
    "requirements.maxLatencyMs",
  ],
  [
    "a cost below zero",
    { requirements: { ...defaultRequirements, maxCostNanoUsd: -1n } },
    "requirements.maxCostNanoUsd",
  ],
  [
    "a time to live below zero",
    { cache: { mode: "use" as const, ttlSeconds: -(2 ** 31) } },
    "cache.ttlSeconds",
  ],
  ["too many tags", { tags: manyTags }, "tags"],
  ["a tag without a name", { tags: { "": "x" } }, "tags"],
  ["a long name of a tag", { tags: { ["n".repeat(65)]: "x" } }, "tags"],
  ["a long value of a tag", { tags: { a: "v".repeat(513) } }, "tags"],
  ["a tag with a NUL, which the ledger cannot store,", { tags: { a: "\u0000" } }, "tags"],
])("%s is out of bounds, and the excess names its path", (_, changed, path) => {
  expect(excessIn(aRequest(changed))?.path).toBe(path);
});
