import type { CostsAnswer, CostsSums } from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { isOwnListener, readStatus, withKnownCostsToken } from "@sluice/local-stack";
import { costsCsv } from "./costs-csv.ts";
import { costsHeaders } from "./costs-token.ts";
import { printToStderr, print, printJson } from "../output.ts";
import { tokensOf } from "./token-sums.ts";
import { usdColumn } from "./usd-column.ts";
import { UsageError } from "../usage-error.ts";

export type CostsFaultCode = "CLI_ACCOUNTANT_UNREADY";
const unreadyCode: CostsFaultCode = "CLI_ACCOUNTANT_UNREADY";

const answerTimeoutMs = 10_000;
const refusedToken =
  "The cost-accountant requires a token. Set SLUICE_COSTS_TOKEN or SLUICE_COSTS_TOKEN_FILE to the one with which it was started.";

export interface CostsOptions {
  readonly by: string;
  readonly tenant?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly format: "table" | "json" | "csv";
  readonly dataDir: string;
}

/** Runs `sluice costs`, which shows what was spent and saved, from the accountant's hourly sums. */
export async function costs(options: CostsOptions): Promise<number> {
  const query = new URLSearchParams({ by: options.by });
  for (const name of ["tenant", "since", "until"] as const)
    if (options[name] !== undefined) query.set(name, options[name]);
  const headers = costsHeaders(withKnownCostsToken(process.env, options.dataDir));
  const answer = await fetchCosts(await accountantAddress(options.dataDir), query, headers);
  printCosts(answer, options.format);
  return 0;
}

function printCosts(answer: CostsAnswer, format: CostsOptions["format"]): void {
  switch (format) {
    case "json":
      return printJson(answer);
    case "csv":
      if (answer.truncated) printToStderr("There are more rows than are shown.\n");
      return print(costsCsv(answer));
    case "table":
      return print(costsText(answer));
    default:
      return format satisfies never;
  }
}

async function accountantAddress(dataDir: string): Promise<string> {
  const { parts } = await readStatus(dataDir);
  const accountant = parts.find(({ name }) => name === "cost-accountant");
  const address = accountant?.ready ? accountant.admin : null;
  // The question may contain a token, which another account of the machine must not receive.
  if (address !== null && address !== undefined && isOwnListener(Number(new URL(address).port)))
    return address;
  throw unready();
}

/** @throws UsageError if the query or the token is refused; TransientFault if the accountant does not answer */
export async function fetchCosts(
  address: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string>>,
): Promise<CostsAnswer> {
  const url = `${address}/costs?${query.toString()}`;
  const signal = AbortSignal.timeout(answerTimeoutMs);
  const response = await fetch(url, { headers, signal }).catch((cause: unknown) => {
    throw unready(cause);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the accountant's own answer
  if (response.ok) return (await response.json()) as CostsAnswer;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the admin port's error shape
  const { error } = (await response.json()) as { readonly error: string };
  if (response.status === 401) throw new UsageError(refusedToken);
  if (response.status === 400) throw new UsageError(error);
  throw unready(error);
}

function unready(cause?: unknown): TransientFault {
  return new TransientFault(
    unreadyCode,
    'The cost-accountant does not answer. Run "sluice up" first, or check it with "sluice status".',
    { cause },
  );
}

/** Returns the response as an aligned table, with exact dollars. */
export function costsText({ by, rows, total, truncated }: CostsAnswer): string {
  const heads = [...by, "requests", "hits", "input", "output", "spend USD", "saved USD"];
  const names = [
    ...rows.map((row) => by.map((name) => row.dimensions[name] ?? "")),
    by.map((_, index) => (index === 0 ? "total" : "")),
  ];
  const figures = figuresOf([...rows, total]);
  const table = [heads, ...names.map((cells, line) => [...cells, ...figures[line]!])];
  const widths = heads.map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] ?? "").length)),
  );
  const text = table.map((cells) =>
    cells
      // Names are aligned left, figures right.
      .map((cell, at) => (at < by.length ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  const [head = "", ...body] = text;
  const sum = body.pop() ?? "";
  const more = truncated
    ? "There are more rows than are shown. The total covers all of them.\n"
    : "";
  return `${[head, rule, ...body, rule, sum].join("\n")}\n${more}`;
}

/**
 * Returns the cells of each line. Tokens are those of provider calls; the costs that hits avoided are
 * in the last column, and each hit is counted at most once.
 */
function figuresOf(lines: readonly CostsSums[]): readonly (readonly string[])[] {
  const spend = usdColumn(lines.map(({ spendNanoUsd }) => BigInt(spendNanoUsd)));
  const saved = usdColumn(lines.map(({ savedNanoUsd }) => BigInt(savedNanoUsd)));
  return lines.map(({ requests, hits, tokens }, line) => {
    const [input, output] = [tokensOf("input", tokens), tokensOf("output", tokens)];
    return [requests, hits, input, output].map(String).concat(spend[line]!, saved[line]!);
  });
}
