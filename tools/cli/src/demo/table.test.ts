import { expect, test } from "vitest";
import type { SummaryRow } from "./summary.ts";
import { renderTable } from "./table.ts";

const row: SummaryRow = {
  ...{ tier: "economy", cache: "miss", requests: 31, inputTokens: 1_314n, outputTokens: 4_585n },
  ...{ spendNanoUsd: 982_700n, savedNanoUsd: 0n, premiumNanoUsd: 363_585_000n },
};
const hit: SummaryRow = {
  ...{ tier: "economy", cache: "exact", requests: 1, inputTokens: 22n, outputTokens: 95n },
  ...{ spendNanoUsd: 0n, savedNanoUsd: 20_100n, premiumNanoUsd: 7_455_001n },
};

test("amounts are exact with aligned decimal points, and the total is the last row", () => {
  expect(renderTable([row, hit])).toBe(
    [
      "  tier     cache  requests  tokens in  tokens out       spend       saved  premium alone",
      "  --------------------------------------------------------------------------------------",
      "  economy  miss         31      1,314       4,585  $0.0009827  $0.0000000   $0.363585000",
      "  economy  exact         1         22          95  $0.0000000  $0.0000201   $0.007455001",
      "  --------------------------------------------------------------------------------------",
      "  all                   32      1,336       4,680  $0.0009827  $0.0000201   $0.371040001",
      "",
    ].join("\n"),
  );
});

test("the widest amounts of a demo still fit 100 columns", () => {
  const wide: SummaryRow = {
    ...{ tier: "standard", cache: "bypass", requests: 60 },
    ...{ inputTokens: 999_999n, outputTokens: 999_999n },
    ...{ spendNanoUsd: 99_999_999_999n, savedNanoUsd: 99_999_999_999n },
    premiumNanoUsd: 99_999_999_999n,
  };
  const longest = Math.max(
    ...renderTable([wide])
      .split("\n")
      .map((line) => line.length),
  );
  expect(longest).toBeLessThanOrEqual(100);
});
