import type { CostsSums } from "@sluice/contracts";
import { expect, test } from "vitest";
import { costsText } from "./costs.ts";

const sums = (given: Partial<CostsSums>): CostsSums => ({
  requests: 0,
  attempts: 0,
  hits: 0,
  tokens: {
    input: "0",
    cachedInput: "0",
    cacheWrite: "0",
    cacheWriteHour: "0",
    output: "0",
    reasoning: "0",
    other: "0",
  },
  savedTokens: { input: "0", output: "0" },
  spendNanoUsd: "0",
  savedNanoUsd: "0",
  ...given,
});

test("spend is shown to the nano-dollar, aligned, with the total last", () => {
  const input = { input: "900", cachedInput: "24", cacheWrite: "60", cacheWriteHour: "40" };
  const economy = sums({
    requests: 12,
    tokens: { ...sums({}).tokens, ...input, output: "7", reasoning: "2" },
    spendNanoUsd: "1500000001",
  });
  const hits = sums({ requests: 3, hits: 3, savedNanoUsd: "250000000" });
  const text = costsText({
    by: ["tier", "cache"],
    rows: [
      { dimensions: { tier: "economy", cache: "miss" }, ...economy },
      { dimensions: { tier: "premium", cache: "exact" }, ...hits },
    ],
    total: sums({ requests: 15, hits: 3, spendNanoUsd: "1500000001", savedNanoUsd: "250000000" }),
    truncated: false,
  });
  expect(text).toBe(
    [
      "tier     cache  requests  hits  input  output    spend USD  saved USD",
      "───────  ─────  ────────  ────  ─────  ──────  ───────────  ─────────",
      "economy  miss         12     0   1024       9  1.500000001       0.00",
      "premium  exact         3     3      0       0  0.000000000       0.25",
      "───────  ─────  ────────  ────  ─────  ──────  ───────────  ─────────",
      "total                 15     3      0       0  1.500000001       0.25",
      "",
    ].join("\n"),
  );
});

test("an empty ledger is shown as a total of zero", () => {
  expect(costsText({ by: ["tenant"], rows: [], total: sums({}), truncated: false })).toContain(
    "total          0     0      0       0       0.00       0.00",
  );
});

test("a truncated table says that there are more rows", () => {
  const text = costsText({ by: ["user"], rows: [], total: sums({}), truncated: true });
  expect(text).toContain("more rows");
});
