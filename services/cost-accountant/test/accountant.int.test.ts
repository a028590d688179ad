import type { CostCharged, CostMetered } from "@sluice/contracts";
import { topics } from "@sluice/contracts";
import { chargeIdOf, TransientFault } from "@sluice/domain";
import { deadLettersOf, RawCodecs, TopicReader } from "@sluice/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AccountantFixture, eventually, WatchedSettlements } from "./accountant-fixture.ts";
import { intentOf, meteredOf, usageOf } from "./fixtures.ts";

let fixture: AccountantFixture;
let charged: TopicReader<CostCharged>;
beforeEach(async () => {
  fixture = await AccountantFixture.create();
  charged = await TopicReader.open(fixture.connection, fixture.codecs, topics.costCharged);
});
afterEach(async () => {
  await charged.close();
  await fixture.close();
});

const numbered = (count: number, given: Partial<CostMetered> = {}) =>
  Array.from({ length: count }, (_, index) =>
    meteredOf({ requestId: `request-${index}`, attemptId: `attempt-${index}`, ...given }),
  );
const charges = async () => {
  const { rows } = await fixture.database.pool.query<{
    attempt_id: string;
    kind: string;
    amount: bigint;
  }>("select attempt_id, kind, amount_nano_usd as amount from charges order by attempt_id, kind");
  return rows;
};
const openCount = async () => {
  const { rows } = await fixture.database.pool.query("select from attempts_open");
  return rows.length;
};
const foreign = (partition: number) => ({
  kind: "dead-letter" as const,
  topic: topics.costMetered.name,
  key: null,
  value: Buffer.from("foreign"),
  headers: {},
  partition,
});
/** Returns an intent whose deadline has passed. */
const overdueIntent = (name: string) =>
  intentOf({ requestId: name, attemptId: name, deadlineAt: Date.now() - 1_000 });

test("metered usage becomes a charge on cost.charged and a sum of GET /costs", async () => {
  const accountant = await fixture.start();
  await fixture.meter(...numbered(20));
  await charged.until(() => true, 20);
  const response = await fetch(`${accountant.admin}/costs?by=tier,cache`);
  expect(await response.json()).toMatchObject({
    rows: [{ dimensions: { tier: "economy", cache: "miss" }, requests: 20 }],
    total: { spendNanoUsd: String(20 * 140_000), tokens: { input: "2000", output: "200" } },
  });
  expect((await fetch(`${accountant.admin}/costs?by=colour`)).status).toBe(400);
});

test("a crash between the ledger and the offset charges nothing twice and publishes every charge", async () => {
  const settlements = new WatchedSettlements();
  let crashes = 0;
  settlements.onSettle = async () => {
    // The ledger's transaction has ended, so this is the state after a crash.
    if (crashes++ < 2) throw new TransientFault("REDIS_UNAVAILABLE", "crashed");
  };
  const { ledger } = await fixture.start(settlements);
  await fixture.meter(...numbered(10));
  await charged.until(() => true, 10);
  expect(crashes).toBeGreaterThan(2);
  expect(await charges()).toHaveLength(10);

  const hash = await ledger.replayHash();
  await fixture.meter(...numbered(10));
  await charged.until(() => true, 20);
  expect(await ledger.replayHash()).toBe(hash);
  const versions = new Set(charged.records.map((charge) => JSON.stringify(charge, longs)));
  expect(versions.size).toBe(10);
});

test("a message that cannot be priced, read or stored is dead-lettered, and its neighbours are charged", async () => {
  const letters = await TopicReader.open(
    fixture.connection,
    new RawCodecs(),
    deadLettersOf(topics.costMetered),
  );
  await fixture.start();
  await fixture.meter(...numbered(2), meteredOf({ attemptId: "x", variant: "unheard-of" }));
  await fixture.send([foreign(0)]);
  await fixture.meter(meteredOf({ attemptId: "nul", tags: { text: "a\u0000b" } }));
  await fixture.meter(meteredOf({ attemptId: "last", requestId: "last" }));
  await letters.until(() => true, 3);
  await charged.until(() => true, 3);
  const codes = letters.deliveries.map(({ headers }) => headers["dead-letter-code"]?.toString());
  expect(new Set(codes)).toEqual(
    new Set(["CONTRACT_UNDECODABLE", "LEDGER_REFUSED", "PRICE_UNKNOWN"]),
  );
  await letters.close();
});

test("a forged or unsigned attribution is dead-lettered, and the attempt that it names is still charged", async () => {
  const [meterings, intents] = await Promise.all(
    [topics.costMetered, topics.inferenceAttempted].map((topic) =>
      TopicReader.open(fixture.connection, new RawCodecs(), deadLettersOf(topic)),
    ),
  );
  await fixture.start();
  const { attribution } = meteredOf({ requestId: "real" });
  const forged = { ...attribution, tenant: "victim" };
  const real = { requestId: "real", attemptId: "real" };
  await fixture.announce(overdueIntent("real"), { ...overdueIntent("real"), attribution: forged });
  await fixture.meter(meteredOf({ ...real, attribution: forged }), {
    ...meteredOf(real),
    attribution: { ...attribution, signature: "" },
  });
  const estimates = await charged.until(({ kind }) => kind === "estimated");
  expect(estimates).toMatchObject([{ attemptId: "real", attribution }]);
  await Promise.all([meterings!.until(() => true, 2), intents!.until(() => true)]);
  const codesOf = ({ deliveries }: TopicReader<Buffer>) =>
    deliveries.map(({ headers }) => headers["dead-letter-code"]?.toString());
  expect(codesOf(meterings!)).toEqual(["ATTRIBUTION_MISMATCH", "ATTRIBUTION_UNSIGNED"]);
  expect(codesOf(intents!)).toEqual(["ATTRIBUTION_MISMATCH"]);
  expect(await charges()).toEqual([{ attempt_id: "real", kind: "estimated", amount: 1_650_000n }]);
  await Promise.all([meterings!.close(), intents!.close()]);
});

test("an attempt that is not metered in time gets exactly one estimate, even with two sweepers", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `silent-${index}`);
  await Promise.all([fixture.start(), fixture.start()]);
  await fixture.announce(...names.map(overdueIntent));
  await charged.until(({ kind }) => kind === "estimated", names.length);
  await eventually(openCount, (open) => open === 0);
  // Waits for two more sweeps, which must find nothing.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await charges()).toEqual(
    names.toSorted().map((name) => ({ attempt_id: name, kind: "estimated", amount: 1_650_000n })),
  );
  expect(new Set(charged.records.map(({ chargeId }) => chargeId)).size).toBe(names.length);
});

test("an estimate never overtakes published usage, however late the usage is folded", async () => {
  const metered = await TopicReader.open(fixture.connection, fixture.codecs, topics.costMetered);
  const settlements = new WatchedSettlements();
  const isHeld = Promise.withResolvers<void>();
  settlements.onSettle = () => isHeld.promise;
  const names = Array.from({ length: 6 }, (_, index) => `late-${index}`);
  // The first messages of each partition block the fold. The usage is behind them on the topic.
  await fixture.meter(...numbered(8, { reason: "answered" }));
  const { ledger } = await fixture.start(settlements);
  await eventually(charges, (rows) => rows.length > 0);
  await fixture.meter(
    ...names.map((name) => meteredOf({ requestId: name, attemptId: name, calledAt: Date.now() })),
  );
  await fixture.announce(...names.map(overdueIntent));
  await eventually(openCount, (open) => open === names.length);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  isHeld.resolve();
  await eventually(charges, (rows) => rows.length === 14);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  // The topic shows that there was no estimate. The ledger would not show one, because after a
  // report it charges nothing.
  const estimates = metered.records.filter(({ kind }) => kind === "estimated");
  expect(estimates).toEqual([]);
  await metered.close();
  expect(await ledger.stillOpen(names)).toEqual(new Set());
});

test("a report after the estimate is charged as one signed difference", async () => {
  await fixture.start();
  await fixture.announce(overdueIntent("slow"));
  await charged.until(({ kind }) => kind === "estimated");
  const report = meteredOf({
    requestId: "slow",
    attemptId: "slow",
    usage: usageOf({ inputTokens: 7n }),
  });
  await fixture.meter(report, report);
  await charged.until(({ kind }) => kind === "reported", 2);
  expect(await charges()).toEqual([
    { attempt_id: "slow", kind: "estimated", amount: 1_650_000n },
    { attempt_id: "slow", kind: "reported", amount: 7_000n - 1_650_000n },
  ]);
  const reportId = chargeIdOf("slow", "reported");
  expect(charged.records.filter(({ chargeId }) => chargeId === reportId)).toHaveLength(2);
});

test("a message that is not Avro at the end of a partition does not block its sweep", async () => {
  await fixture.start();
  await fixture.send([foreign(0), foreign(1)]);
  await fixture.announce(overdueIntent("a"), overdueIntent("b"), overdueIntent("c"));
  const estimates = await charged.until(({ kind }) => kind === "estimated", 3);
  expect(new Set(estimates.map(({ attemptId }) => attemptId))).toEqual(new Set(["a", "b", "c"]));
});

function longs(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
