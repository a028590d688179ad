import type { CostsSums } from "@sluice/contracts";
import { expect, test } from "vitest";
import { costsCsv } from "./costs-csv.ts";

const sums: CostsSums = {
  requests: 3,
  attempts: 2,
  hits: 1,
  tokens: {
    input: "10",
    cachedInput: "20",
    cacheWrite: "30",
    cacheWriteHour: "35",
    output: "40",
    reasoning: "50",
    other: "60",
  },
  savedTokens: { input: "70", output: "80" },
  spendNanoUsd: "9007199254740993000000001",
  savedNanoUsd: "-250000000",
};

function linesFor(...teams: readonly string[]): readonly string[] {
  const rows = teams.map((team) => ({ dimensions: { tenant: "acme", team }, ...sums }));
  const csv = costsCsv({ by: ["tenant", "team"], rows, total: sums, truncated: false });
  return csv.split("\r\n");
}

test("each row is one line with the line end of RFC 4180, with exact dollars and without the total", () => {
  expect(linesFor("search")).toEqual([
    "tenant,team,requests,attempts,hits,inputTokens,cachedInputTokens,cacheWriteTokens," +
      "outputTokens,reasoningTokens,otherTokens,savedInputTokens,savedOutputTokens,spendUsd,savedUsd,cacheWriteHourTokens",
    "acme,search,3,2,1,10,20,30,40,50,60,70,80,9007199254740993.000000001,-0.25,35",
    "",
  ]);
});

test.each([
  ["a,b", 'acme,"a,b",3'],
  ['say "hi"', 'acme,"say ""hi""",3'],
  ["two\r\nlines", 'acme,"two\r\nlines",3'],
])("%j is quoted", (team, expected) => {
  expect(linesFor(team).join("\r\n")).toContain(expected);
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])(
  "a user's tag %j does not become a formula",
  (team) => {
    expect(linesFor(team)[1]).toContain(`acme,'${team},3`);
  },
);

test("a formula that needs quotes is quoted and escaped", () => {
  expect(linesFor('=HYPERLINK("x","y")')[1]).toContain(`acme,"'=HYPERLINK(""x"",""y"")",3`);
});
