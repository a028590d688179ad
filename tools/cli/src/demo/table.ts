import { usdColumn } from "../costs/usd-column.ts";
import { type Sums, type SummaryRow, totalOf } from "./summary.ts";

interface Column {
  readonly head: string;
  readonly align: "left" | "right";
}

const columns: readonly Column[] = [
  { head: "tier", align: "left" },
  { head: "cache", align: "left" },
  { head: "requests", align: "right" },
  { head: "tokens in", align: "right" },
  { head: "tokens out", align: "right" },
  { head: "spend", align: "right" },
  { head: "saved", align: "right" },
  { head: "premium alone", align: "right" },
];

const gap = "  ";

/** Returns one line per row and then the total. Amounts are exact, with aligned decimal points. */
export function renderTable(rows: readonly SummaryRow[]): string {
  const total = totalOf(rows);
  const money = moneyColumnsOf([...rows, total]);
  const cells = [
    columns.map(({ head }) => head),
    ...rows.map((row, index) => [row.tier, row.cache, ...countsOf(row), ...money[index]!]),
    ["all", "", ...countsOf(total), ...money[rows.length]!],
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const lines = cells.map((line) =>
    line
      .map((cell, at) =>
        columns[at]!.align === "left" ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!),
      )
      .join(gap)
      .trimEnd(),
  );
  const rule = "-".repeat(widths.reduce((sum, width) => sum + width, 0) + gap.length * 7);
  return [lines[0]!, rule, ...lines.slice(1, -1), rule, lines.at(-1)!]
    .map((line) => `  ${line}\n`)
    .join("");
}

function countsOf({ requests, inputTokens, outputTokens }: Sums): readonly string[] {
  return [requests, inputTokens, outputTokens].map((count) => count.toLocaleString("en"));
}

/** Returns the three amounts of each line. All amounts of a column have the same number of decimals. */
function moneyColumnsOf(lines: readonly Sums[]): readonly (readonly string[])[] {
  const spend = usdColumn(lines.map(({ spendNanoUsd }) => spendNanoUsd));
  const saved = usdColumn(lines.map(({ savedNanoUsd }) => savedNanoUsd));
  const premium = usdColumn(lines.map(({ premiumNanoUsd }) => premiumNanoUsd));
  return lines.map((_, at) => [`$${spend[at]}`, `$${saved[at]}`, `$${premium[at]}`]);
}
