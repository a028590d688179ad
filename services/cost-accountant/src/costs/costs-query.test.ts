import { expect, test } from "vitest";
import { costsAnswerOf, parseCostsQuery } from "./costs-query.ts";
import { noChange } from "../ledger/usage-change.ts";

const parse = (text: string) => parseCostsQuery(new URLSearchParams(text));
const errorOf = (text: string) => {
  const parsed = parse(text);
  return parsed.kind === "invalid" ? parsed.error : "valid";
};

test("spend is summed by tenant if the query names no dimension", () => {
  expect(parse("")).toMatchObject({
    kind: "valid",
    query: { by: ["tenant"], tenant: null, since: null, until: null },
  });
});

test("dimensions keep their order, and a repeated one counts once", () => {
  expect(parse("by=tier,cache,tier")).toMatchObject({ query: { by: ["tier", "cache"] } });
});

test("a tenant that the database cannot store is refused by the name of its parameter", () => {
  for (const tenant of ["%00", "a%1Fb", "%C2%85"])
    expect(errorOf(`tenant=${tenant}`)).toContain('"tenant"');
});

test("an unknown parameter or dimension is refused by its name", () => {
  expect(errorOf("by=tier,colour")).toContain('"colour"');
  expect(errorOf("by=")).toContain('""');
  expect(errorOf("by=constructor")).toContain('"constructor"');
  expect(errorOf("form=tier")).toContain('"form"');
});

test("times must be whole hours, because sums are kept by hour", () => {
  expect(parse("since=2026-01-31&until=2026-01-31T15:00:00Z")).toMatchObject({
    query: { since: Date.UTC(2026, 0, 31), until: Date.UTC(2026, 0, 31, 15) },
  });
  expect(errorOf("since=2026-01-31T15:30:00Z")).toContain("whole hours");
  expect(errorOf("until=yesterday")).toContain("whole hours");
  expect(errorOf("until=2026-13-41")).toContain("whole hours");
});

test("the answer states the tokens of each class", () => {
  const sums = {
    ...{ ...noChange, inputTokens: 1n, cachedInputTokens: 2n, cacheWriteTokens: 3n },
    ...{ cacheWriteHourTokens: 4n, outputTokens: 5n, reasoningTokens: 6n, otherTokens: 7n },
  };
  const query = { by: [], tenant: null, since: null, until: null, rowsMax: 1 };
  expect(costsAnswerOf(query, { rows: [], total: sums }).total.tokens).toEqual({
    ...{ input: "1", cachedInput: "2", cacheWrite: "3", cacheWriteHour: "4" },
    ...{ output: "5", reasoning: "6", other: "7" },
  });
});

test("money and tokens are decimal strings, exact beyond the precision of a float", () => {
  const parsed = parse("by=tier");
  if (parsed.kind === "invalid") throw new Error(parsed.error);
  const sums = { ...noChange, requests: 2n, spendNanoUsd: 2n ** 60n + 1n, inputTokens: 7n };
  const answer = costsAnswerOf(parsed.query, {
    rows: [{ dimensions: { tier: "premium" }, sums }],
    total: sums,
  });
  expect(answer).toMatchObject({
    truncated: false,
    rows: [{ dimensions: { tier: "premium" }, requests: 2, spendNanoUsd: "1152921504606846977" }],
    total: { tokens: { input: "7", output: "0" }, savedNanoUsd: "0" },
  });
});
