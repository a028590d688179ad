import type { CostsAnswer, CostsSums } from "@sluice/contracts";
import { formatUsd } from "@sluice/domain";

type FigureOf = (sums: CostsSums) => string;

/** The columns after the dimensions, in their order. Each class of tokens has one. */
const figures: Readonly<
  Record<string, FigureOf> & Record<`${keyof CostsSums["tokens"]}Tokens`, FigureOf>
> = {
  requests: ({ requests }) => String(requests),
  attempts: ({ attempts }) => String(attempts),
  hits: ({ hits }) => String(hits),
  inputTokens: ({ tokens }) => tokens.input,
  cachedInputTokens: ({ tokens }) => tokens.cachedInput,
  cacheWriteTokens: ({ tokens }) => tokens.cacheWrite,
  outputTokens: ({ tokens }) => tokens.output,
  reasoningTokens: ({ tokens }) => tokens.reasoning,
  otherTokens: ({ tokens }) => tokens.other,
  savedInputTokens: ({ savedTokens }) => savedTokens.input,
  savedOutputTokens: ({ savedTokens }) => savedTokens.output,
  spendUsd: ({ spendNanoUsd }) => formatUsd(BigInt(spendNanoUsd)),
  savedUsd: ({ savedNanoUsd }) => formatUsd(BigInt(savedNanoUsd)),
  // A column that is newer than the others is last, because programs may know the others by their places.
  cacheWriteHourTokens: ({ tokens }) => tokens.cacheWriteHour,
};

/**
 * Returns the rows as CSV (RFC 4180) after a header line. The total is left out, because a sum over
 * the column would count it again. Pure.
 */
export function costsCsv({ by, rows }: CostsAnswer): string {
  const head = [...by, ...Object.keys(figures)];
  const lines = rows.map((row) => [
    ...by.map((name) => escapeFormula(row.dimensions[name] ?? "")),
    ...Object.values(figures).map((figureOf) => figureOf(row)),
  ]);
  return [head, ...lines].map((cells) => `${cells.map(cellOf).join(",")}\r\n`).join("");
}

/** Escapes a name that begins like a formula, because users choose names and a spreadsheet would run it. */
function escapeFormula(name: string): string {
  return /^[=+\-@\t\r\n]/.test(name) ? `'${name}` : name;
}

function cellOf(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
