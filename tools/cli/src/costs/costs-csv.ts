import { formatUsd } from "@sluice/domain";
import type { CostsAnswer, CostsSums } from "./costs-answer.ts";

const figures: Readonly<Record<string, (sums: CostsSums) => string>> = {
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
};

/** The rows as RFC 4180, a head line first; no total, which a sum over the column would count again. Pure. */
export function costsCsv({ by, rows }: CostsAnswer): string {
  const head = [...by, ...Object.keys(figures)];
  const lines = rows.map((row) => [
    ...by.map((name) => escapeFormula(row.dimensions[name] ?? "")),
    ...Object.values(figures).map((figureOf) => figureOf(row)),
  ]);
  return [head, ...lines].map((cells) => `${cells.map(cellOf).join(",")}\r\n`).join("");
}

/** Names are a user's words, and a spreadsheet would run what begins like a formula. Figures are ours. */
function escapeFormula(name: string): string {
  return /^[=+\-@\t\r\n]/.test(name) ? `'${name}` : name;
}

function cellOf(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
