import { type InferenceAttempted, topics } from "@sluice/contracts";
import { SystemClock } from "@sluice/domain";
import { deliveryOf } from "@sluice/stage";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { attributionSecret, intentOf } from "../../test/fixtures.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { AccountantMetrics } from "../metrics.ts";
import { IntentStage } from "./intent.stage.ts";

const after = intentOf().deadlineAt + 1;

function newTestStage(unsignedUntil: number | null = null) {
  const ledger = new InMemoryLedger();
  const registry = new Registry();
  const trust = { secret: attributionSecret, previousSecrets: [], unsignedUntil };
  const metrics = new AccountantMetrics(registry);
  const stage = new IntentStage(ledger, new SystemClock(), metrics, trust);
  const process = (...intents: InferenceAttempted[]) =>
    stage.process(intents.map((intent) => deliveryOf(intent)));
  const open = async () => (await ledger.overdue([0], after, 10)).map(({ intent }) => intent);
  return { process, open, metrics: () => registry.metrics() };
}

const unsigned = { ...intentOf().attribution, signature: "" };

test("an intent that ingress did not sign becomes a dead letter, and does not replace the real one", async () => {
  const { process, open, metrics } = newTestStage();
  const forged = { ...intentOf(), attribution: { ...intentOf().attribution, tenant: "victim" } };
  const effects = await process(intentOf(), forged);
  expect(effects).toMatchObject([
    { kind: "skip" },
    { kind: "dead-letter", code: "ATTRIBUTION_MISMATCH" },
  ]);
  expect(await open()).toEqual([intentOf()]);
  const labels = `topic="${topics.inferenceAttempted.name}",code="ATTRIBUTION_MISMATCH"`;
  expect(await metrics()).toContain(`attributions_refused_total{${labels}} 1`);
});

test("intents of older versions are stored until the configured time, by the clock of the accountant", async () => {
  const old = { ...intentOf(), attribution: unsigned };
  const early = newTestStage(Date.now() + 60_000);
  expect(await early.process(old)).toMatchObject([{ kind: "skip" }]);
  expect(await early.open()).toEqual([old]);
  const late = newTestStage(Date.now() - 1);
  expect(await late.process(old)).toMatchObject([
    { kind: "dead-letter", code: "ATTRIBUTION_UNSIGNED" },
  ]);
  expect(await late.open()).toEqual([]);
});
