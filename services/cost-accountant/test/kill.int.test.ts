import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CostCharged, type CostMetered, topics } from "@sluice/contracts";
import { TopicReader } from "@sluice/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InMemoryLedger } from "../src/ledger/in-memory-ledger.ts";
import { PostgresLedger } from "../src/ledger/postgres-ledger.ts";
import { AccountantFixture, eventually } from "./accountant-fixture.ts";
import { meteredOf, usageOf } from "./fixtures.ts";
import { foldInto } from "./fold-into.ts";

const packageFolder = join(import.meta.dirname, "..");
/** Declares the prices of the fixtures' price book. */
const sluiceYaml = `
tenants: [{ id: demo }]
providers: [{ id: simulator, baseUrl: "http://127.0.0.1:1", keys: ["env:NONE"] }]
models:
  - { id: small, provider: simulator, tier: economy, contextWindow: 1000,
      prices: [{ effectiveFrom: "2026-01-01", input: 1, output: 4 }] }
  - { id: large, provider: simulator, tier: premium, contextWindow: 1000,
      prices: [{ effectiveFrom: "2026-01-01", input: 10, output: 40 }] }
`;

let fixture: AccountantFixture;
let folder: string;
let accountant: ChildProcess | undefined;
beforeEach(async () => {
  fixture = await AccountantFixture.create();
  folder = mkdtempSync(join(tmpdir(), "sluice-accountant-"));
  writeFileSync(join(folder, "sluice.yaml"), sluiceYaml);
});
afterEach(async () => {
  await kill();
  await fixture.close();
  rmSync(folder, { recursive: true });
});

function start(): void {
  accountant = spawn(
    process.execPath,
    ["--conditions=@sluice/source", "--import", "@oxc-node/core/register", "src/main.ts"],
    {
      cwd: packageFolder,
      stdio: "inherit",
      env: {
        ...process.env,
        ...fixture.environment,
        SLUICE_CONFIG: join(folder, "sluice.yaml"),
        SLUICE_LOG_LEVEL: "error",
      },
    },
  );
}

async function kill(): Promise<void> {
  const child = accountant;
  accountant = undefined;
  if (!child || child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/**
 * Returns meterings of which every third attempt is estimated before its report, and every fifth
 * report is repeated.
 */
function meterings(count: number): readonly CostMetered[] {
  return Array.from({ length: count }, (_, index): readonly CostMetered[] => {
    const metered = meteredOf({
      requestId: `request-${index}`,
      attemptId: `attempt-${index}`,
      variant: index % 2 ? "large" : "small",
      usage: usageOf({ inputTokens: BigInt(index), outputTokens: 10n }),
    });
    const estimate: CostMetered = {
      ...metered,
      kind: "estimated",
      usage: usageOf({ inputTokens: BigInt(index), outputTokens: 500n }),
    };
    return [...(index % 3 ? [] : [estimate]), metered, ...(index % 5 ? [] : [metered])];
  }).flat();
}

test("after kills with SIGKILL the ledger is the fold of all meterings, and every charge is published", async () => {
  const { pool } = fixture.database;
  const charged = await TopicReader.open(fixture.connection, fixture.codecs, topics.costCharged);
  const all = meterings(9_000);
  const expected = new InMemoryLedger();
  await foldInto(expected, all, 1, 0);
  const count = async () => {
    const { rows } = await pool.query<{ count: bigint }>("select count(*) from charges");
    return Number(rows[0]?.count);
  };

  const third = Math.ceil(all.length / 3);
  for (const round of [0, 1]) {
    await fixture.meter(...all.slice(round * third, (round + 1) * third));
    const before = await count();
    start();
    // Killed in the middle: the ledger has some charges of this round, and not all are published.
    await eventually(count, (found) => found > before);
    await kill();
  }
  await fixture.meter(...all.slice(2 * third));
  start();

  await eventually(count, (found) => found === expected.entries.size, 60_000);
  expect(await new PostgresLedger(pool).replayHash()).toBe(await expected.replayHash());
  const published = new Map<string, CostCharged>();
  await eventually(
    async () => {
      for (const charge of charged.records) published.set(charge.chargeId, charge);
      return published.size;
    },
    (size) => size === expected.entries.size,
  );
  const spent = [...published.values()].reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
  const query = { by: ["tenant" as const], tenant: null, since: null, until: null, rowsMax: 9 };
  const { total } = await new PostgresLedger(pool).costs(query);
  expect(total).toEqual((await expected.costs(query)).total);
  expect(total.spendNanoUsd).toBe(spent);
  await charged.close();
}, 120_000);
