import type { CostCharged, Usage } from "@sluice/contracts";
import { tokenClasses } from "@sluice/domain";
import { expect, test } from "vitest";
import { book, calledAt, meteredOf, usageOf, windowOf } from "../../test/fixtures.ts";
import { chargeOf } from "../charge/charge.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { rowHashOf } from "./row-hash.ts";

const verdict = chargeOf(meteredOf(), [], book, calledAt + 1_000);
if (verdict.kind !== "charge") throw new Error(`The verdict is ${verdict.kind}, not charge.`);
const { entry } = verdict;

function withUsage(changed: Partial<Usage>): LedgerEntry {
  const usage = usageOf({ inputTokens: 100n, outputTokens: 10n, ...changed });
  return { ...entry, charge: { ...entry.charge, usage } };
}

const hashOf = (changed: Partial<Usage>) => rowHashOf(withUsage(changed)).toString("hex");

test("the figure of each class changes the hash", () => {
  const hashes = tokenClasses.flatMap((name) => [hashOf({ [name]: 7n }), hashOf({ [name]: 8n })]);
  expect(new Set([hashOf({}), ...hashes]).size).toBe(1 + 2 * tokenClasses.length);
});

/** Constants, because a change of the canonical form would change every stored hash. */
const hashBeforeHours = "df57c5f8ffc474c39bbff5bde1fa8c8b07c0f2b977dc13133964aff7be4ea303";
const hashOfSevenHours = "982745f8bdbd059a0b1b569bc3f493f45d4f943526d9c650b9b0f6069da5ee39";

test("without input that was cached for an hour, the hash is that of rows from before this class", () => {
  expect(hashOf({ cacheWriteHourTokens: null })).toBe(hashBeforeHours);
  expect(hashOf({ cacheWriteHourTokens: 0n })).toBe(hashBeforeHours);
  expect(hashOf({ cacheWriteHourTokens: 7n })).toBe(hashOfSevenHours);
});

test("the time of the charge does not change the hash, because a replay has another", () => {
  const later = { ...entry, charge: { ...entry.charge, chargedAt: calledAt + 9_000 } };
  expect(rowHashOf(later)).toEqual(rowHashOf(entry));
});

const window = windowOf();
const charged = (changed: Partial<CostCharged>) =>
  rowHashOf({ ...entry, charge: { ...entry.charge, ...changed } }).toString("hex");
const hashOfWindow = "88506d94f90f9eef6126de01a329ea662cf3ee175d9ab141f7207c8f9b89af78";

test("windows and a run change the hash, and a charge without them has the hash of rows from before them", () => {
  expect(charged({ windows: [], runId: null })).toBe(hashBeforeHours);
  expect(charged({ windows: [window], runId: "r1" })).toBe(hashOfWindow);
  const changes = [{ budget: "b" }, { scope: "" }, { opensAt: null }, { closesAt: null }, {}].map(
    (change) => charged({ windows: [{ ...window, ...change }] }),
  );
  const runs = ["7", "8"].map((runId) => charged({ runId }));
  expect(new Set([...changes, ...runs, hashBeforeHours, hashOfSevenHours]).size).toBe(9);
});

test("the limit of a window does not change the hash, because it moves no money", () => {
  const raised = windowOf({ limitNanoUsd: 9n, version: 2n });
  expect(charged({ windows: [raised] })).toBe(charged({ windows: [window] }));
});

test("the signature of the attribution does not change the hash, because the ledger does not store it", () => {
  const { charge } = entry;
  const attribution = { ...charge.attribution, signature: "another" };
  expect(rowHashOf({ ...entry, charge: { ...charge, attribution } })).toEqual(rowHashOf(entry));
});
