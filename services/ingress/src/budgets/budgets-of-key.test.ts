import type { ApiKey } from "@sluice/declarations";
import { expect, test } from "vitest";
import { declarationsWith } from "../declarations.fixture.ts";
import { listedBudget, windowsOfKey } from "./budgets-of-key.ts";

const now = Date.UTC(2026, 10, 27, 12);
const declarations = declarationsWith(
  "requestMembers: []",
  `budgets:
  - { id: team, limitUsd: 5, period: day, selector: { team: search } }
  - { id: other, limitUsd: 5, period: day, selector: { team: labs } }
  - { id: model, limitUsd: 5, period: total, each: [model] }
  - { id: run, limitUsd: 1, period: run }`,
);
const key: ApiKey = declarations.keys().find(({ id }) => id === "k1")!;
const scopesOf = (runId: string | null) =>
  windowsOfKey(key, declarations, runId, now).map(({ budget, scope }) => `${budget} ${scope}`);

test("a key sees the budgets in which its requests can count, each once", () => {
  expect(scopesOf(null)).toEqual(["team ", "model model=small", "model model=embeddings"]);
});

test("a key sees the budget of a run that it names", () => {
  expect(scopesOf("r1")).toContain("run run=r1");
});

test("amounts are decimal dollars, and the reset is a time", () => {
  const [window] = windowsOfKey(key, declarations, null, now);
  const allowance = { limitNanoUsd: 5_000_000_000n, spentNanoUsd: 1n, reservedNanoUsd: 2n };
  expect(listedBudget(window!, allowance)).toEqual({
    object: "budget",
    id: "team",
    scope: "",
    hard: true,
    limit_usd: "5.00",
    spent_usd: "0.000000001",
    reserved_usd: "0.000000002",
    allowance_usd: "4.999999997",
    resets_at: "2026-11-28T00:00:00.000Z",
  });
});
