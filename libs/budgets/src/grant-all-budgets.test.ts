import { expect, test } from "vitest";
import { GrantAllBudgets } from "./grant-all-budgets.ts";

const scopes = {
  tenant: "demo",
  team: "search",
  feature: "answers",
  user: "ada",
  key: "demo",
  runId: null,
};

test("every candidate is granted, in the order of the request", async () => {
  const expensive = { variant: "large", worstCaseNanoUsd: 9_000_000_000_000n };
  const cheap = { variant: "small", worstCaseNanoUsd: 1n };
  const request = (requestId: string, candidates: (typeof expensive)[]) => ({
    requestId,
    admittedAt: 1,
    scopes,
    candidates,
  });

  const reservations = await new GrantAllBudgets().reserve([
    request("a", [expensive, cheap]),
    request("b", [cheap]),
  ]);

  expect(reservations).toEqual([
    { kind: "granted", candidates: [expensive, cheap] },
    { kind: "granted", candidates: [cheap] },
  ]);
});
