import { setTimeout as sleep } from "node:timers/promises";
import type { CostsAnswer } from "@sluice/contracts";
import { isTier, type NanoUsd, type Tier } from "@sluice/domain";
import { tokensOf } from "../costs/token-sums.ts";

/** The ledger's sums for one tier and cache result. */
export interface LedgerRow {
  readonly tier: Tier;
  readonly cache: string;
  readonly requests: number;
  readonly attempts: number;
  readonly hits: number;
  /** All classes of input tokens, charged or avoided by a hit. */
  readonly inputTokens: bigint;
  /** All classes of output tokens, charged or avoided by a hit. */
  readonly outputTokens: bigint;
  readonly spendNanoUsd: NanoUsd;
  readonly savedNanoUsd: NanoUsd;
}

const requestTimeoutMs = 5_000;
const pollMs = 250;

/** The admin port of the accountant. */
export interface AccountantAccess {
  /** Its base address. */
  readonly address: string;
  /** The headers with the token of the costs, if it requires one. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the ledger's sums by tier and cache result. */
export async function ledgerRows(
  { address, headers }: AccountantAccess,
  signal: AbortSignal,
): Promise<readonly LedgerRow[]> {
  const response = await fetch(`${address}/costs?by=tier,cache`, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
  });
  if (!response.ok)
    throw new Error(`The accountant returned status ${response.status} for GET /costs.`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the accountant's own answer
  const { rows } = (await response.json()) as CostsAnswer;
  return rows.map(rowOf);
}

function rowOf({ dimensions, tokens, savedTokens, ...sums }: CostsAnswer["rows"][number]) {
  const tier = dimensions["tier"] ?? "";
  if (!isTier(tier)) throw new Error(`The accountant reported an unknown tier "${tier}".`);
  const { requests, attempts, hits } = sums;
  return {
    tier,
    cache: dimensions["cache"] ?? "",
    requests,
    attempts,
    hits,
    inputTokens: tokensOf("input", tokens) + BigInt(savedTokens.input),
    outputTokens: tokensOf("output", tokens) + BigInt(savedTokens.output),
    spendNanoUsd: BigInt(sums.spendNanoUsd),
    savedNanoUsd: BigInt(sums.savedNanoUsd),
  };
}

/** Returns what was added since `before`, without the rows to which nothing was added. */
export function addedSince(
  before: readonly LedgerRow[],
  now: readonly LedgerRow[],
): readonly LedgerRow[] {
  return now
    .map((row) => {
      const old = before.find(({ tier, cache }) => tier === row.tier && cache === row.cache);
      return old ? difference(row, old) : row;
    })
    .filter(({ attempts, hits }) => attempts > 0 || hits > 0);
}

function difference(row: LedgerRow, old: LedgerRow): LedgerRow {
  return {
    tier: row.tier,
    cache: row.cache,
    requests: row.requests - old.requests,
    attempts: row.attempts - old.attempts,
    hits: row.hits - old.hits,
    inputTokens: row.inputTokens - old.inputTokens,
    outputTokens: row.outputTokens - old.outputTokens,
    spendNanoUsd: row.spendNanoUsd - old.spendNanoUsd,
    savedNanoUsd: row.savedNanoUsd - old.savedNanoUsd,
  };
}

export interface Expected {
  readonly attempts: number;
  readonly hits: number;
}

export interface LedgerAddition {
  readonly rows: readonly LedgerRow[];
  /** False if the ledger had not caught up when the time limit passed. */
  readonly complete: boolean;
}

/** Polls until the ledger contains the expected attempts and hits, for at most `limitMs`. */
export async function awaitAddition(
  accountant: AccountantAccess,
  before: readonly LedgerRow[],
  expected: Expected,
  limitMs: number,
  signal: AbortSignal,
): Promise<LedgerAddition> {
  const until = Date.now() + limitMs;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- polling
    const rows = addedSince(before, await ledgerRows(accountant, signal));
    const attempts = rows.reduce((sum, row) => sum + row.attempts, 0);
    const hits = rows.reduce((sum, row) => sum + row.hits, 0);
    const complete = attempts >= expected.attempts && hits >= expected.hits;
    if (complete || Date.now() >= until) return { rows, complete };
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(pollMs, undefined, { signal });
  }
}
