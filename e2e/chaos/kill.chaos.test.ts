import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { controlSimulator, distinct, serviceNames } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MixedRequest, runLoad, sendByHttp, sendByKafka } from "../load/mixed-load.ts";
import {
  graceSeconds,
  startWatchedPipeline,
  type WatchedPipeline,
} from "../load/watched-pipeline.ts";

/** Long enough for Kafka to notice a killed group member, and for its lease to expire. */
const deadlineSeconds = 45;

let watched: WatchedPipeline;

beforeAll(async () => {
  watched = await startWatchedPipeline({}, 10);
});
afterAll(() => watched?.stop());

/** The number of answered HTTP requests, and the errors of the others. */
interface Tally {
  answered: number;
  readonly errors: string[];
}

/** Sends requests as real clients do: with retries under the same key, and without a retry of failed outcomes. */
function requestSender(run: string, tally: Tally): (request: MixedRequest) => Promise<void> {
  return async (request) => {
    if (request.transport === "kafka") {
      await sendByKafka(watched.user, request, run, Date.now() + deadlineSeconds * 1_000);
      return;
    }
    const headers = {
      "idempotency-key": `${run}-${request.number}`,
      "x-sluice-deadline": String(deadlineSeconds),
    };
    try {
      await sendByHttp(watched.openai, request, headers);
      tally.answered += 1;
    } catch (error) {
      tally.errors.push(error instanceof Error ? error.message : String(error));
    }
  };
}

async function settled(): Promise<void> {
  const limitMs = (deadlineSeconds + graceSeconds + 30) * 1_000;
  await watched.settled(limitMs);
}

/**
 * Makes provider calls last longer than a rebalance. Otherwise the new owner of a partition would find
 * only finished calls, and the test could not fail.
 */
async function slowDown(firstByteMs: number): Promise<void> {
  const names = ["sim-economy-q4", "sim-economy", "sim-standard", "sim-premium"];
  const models = Object.fromEntries(names.map((name) => [name, { firstByteMs }]));
  const answer = await controlSimulator(watched.pipeline.simulator, "/script", {
    method: "POST",
    body: JSON.stringify({ models }),
  });
  expect(answer.ok, `The simulator refused the script: ${await answer.text()}`).toBe(true);
}

test("if an adapter joins and leaves while calls run, no request is paid twice", async () => {
  await slowDown(12_000);
  const run = `rebalance-${randomBytes(3).toString("hex")}`;
  const tally: Tally = { answered: 0, errors: [] };
  const load = runLoad({
    ...{ count: 300, run, concurrency: 80, perSecond: 30 },
    send: requestSender(run, tally),
  });
  await sleep(4_000);
  const extra = await watched.pipeline.startExtra("inference-adapter");
  await sleep(4_000);
  await extra.stop();
  await load;
  await controlSimulator(watched.pipeline.simulator, "/script", { method: "DELETE" });
  await settled();

  expect(tally.errors).toEqual([]);
  expect(distinct(watched.charged.records).filter(({ kind }) => kind === "estimated")).toEqual([]);
  const paid = distinct(watched.charged.records).filter(
    ({ kind, priceNanoUsd }) => kind === "reported" && priceNanoUsd > 0n,
  );
  const requests = new Set(paid.map(({ requestId }) => requestId));
  expect(paid.length).toBe(requests.size);
}, 180_000);

test("after each service is killed in turn, every request has one outcome and every attempt has its charge", async () => {
  const run = `kill-${randomBytes(3).toString("hex")}`;
  const tally: Tally = { answered: 0, errors: [] };
  const load = runLoad({
    ...{ count: 2_000, run, concurrency: 400, perSecond: 40 },
    send: requestSender(run, tally),
  });
  await sleep(2_000);
  for (const service of serviceNames) {
    await watched.pipeline.killAndAwait(service);
    await sleep(3_000);
  }
  const extra = await watched.pipeline.startExtra("inference-adapter");
  await sleep(3_000);
  await extra.stop();
  await load;
  await settled();

  const own = watched.responded.records.filter(({ requestId }) => requestId.startsWith("kill-"));
  expect(own.length, "Kafka requests of this run").toBeGreaterThan(0);
  // A killed adapter interrupts its streams, which are not restarted. All other requests are answered.
  expect(tally.answered).toBeGreaterThan(1_400);
  const kinds = Map.groupBy(distinct(watched.charged.records), ({ kind }) => kind);
  process.stderr.write(
    `chaos: ${tally.answered} answered over HTTP, ${tally.errors.length} errors ` +
      `(${[...new Set(tally.errors)].join("; ")}), charges ${[...kinds].map(([kind, all]) => `${kind} ${all.length}`).join(", ")}\n`,
  );
}, 300_000);
