import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { distinct } from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MixedRequest, runLoad, sendByHttp, sendByKafka } from "../load/mixed-load.ts";
import {
  graceSeconds,
  startWatchedPipeline,
  type WatchedPipeline,
} from "../load/watched-pipeline.ts";

const count = 600;
const kills = 4;
const deadlineSeconds = 45;
const retriesMax = 20;
const retryMs = 500;

let watched: WatchedPipeline;

beforeAll(async () => {
  watched = await startWatchedPipeline(
    // The pipeline starts its own Redis and restarts it from its log; other suites share one Redis.
    { SLUICE_REDIS_URL: "", SLUICE_CACHE_REDIS_URL: "" },
    0,
  );
});
afterAll(() => watched?.stop());

/** What the clients observed: every error, the HTTP requests without an answer, and the ids sent by Kafka. */
interface ClientResults {
  readonly errors: string[];
  readonly unanswered: MixedRequest[];
  readonly byKafka: string[];
}

function requestSender(
  run: string,
  results: ClientResults,
): (request: MixedRequest) => Promise<void> {
  return async (request) => {
    if (request.transport === "kafka") {
      const deadlineAt = Date.now() + deadlineSeconds * 1_000;
      const { requestId } = await sendByKafka(watched.user, request, run, deadlineAt);
      results.byKafka.push(requestId);
      return;
    }
    const headers = {
      "idempotency-key": `${run}-${request.number}`,
      "x-sluice-deadline": String(deadlineSeconds),
    };
    for (let retry = 0; retry < retriesMax; retry += 1) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- retries are sequential, as in real clients
        await sendByHttp(watched.openai, request, headers);
        return;
      } catch (error) {
        results.errors.push(nameOf(error));
        // oxlint-disable-next-line no-await-in-loop -- as above
        await sleep(retryMs);
      }
    }
    results.unanswered.push(request);
  };
}

function nameOf(error: unknown): string {
  if (!(error instanceof OpenAI.APIError)) return String(error);
  return `${error.status ?? "while streaming"} ${error.code}`;
}

test("if Redis is killed under load and restarts with its log, all requests are answered and no call is made twice", async () => {
  const run = `redis-${randomBytes(3).toString("hex")}`;
  const results: ClientResults = { errors: [], unanswered: [], byKafka: [] };
  const pids = new Set([watched.pipeline.identityOf("redis").pid]);
  const load = runLoad({
    ...{ count, run, concurrency: 200, perSecond: 40 },
    send: requestSender(run, results),
  });
  for (let kill = 0; kill < kills; kill += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one kill at a time
    await sleep(2_500);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await watched.pipeline.killAndAwait("redis");
    pids.add(watched.pipeline.identityOf("redis").pid);
  }
  await load;
  const limitMs = (deadlineSeconds + graceSeconds + 30) * 1_000;
  // Requests sent by Kafka may wait for admission until the intake notices that Redis is available again.
  const hasEnded = (id: string) =>
    watched.responded.records.some(({ requestId }) => requestId === id);
  await expect
    .poll(() => results.byKafka.filter((id) => !hasEnded(id)), { timeout: limitMs })
    .toEqual([]);
  await watched.settled(limitMs);

  const errors = Map.groupBy(results.errors, (error) => error);
  const kinds = Map.groupBy(distinct(watched.charged.records), ({ kind }) => kind);
  const counted = (groups: ReadonlyMap<string, readonly unknown[]>) =>
    [...groups].map(([name, all]) => `${all.length} × ${name}`).join(", ");
  process.stderr.write(`redis chaos: ${counted(errors)}; charges ${counted(kinds)}\n`);

  expect(pids.size).toBe(kills + 1);
  expect(results.unanswered).toEqual([]);
  // The outage affected clients, and each affected client received 503.
  expect(results.errors.length).toBeGreaterThan(0);
  expect([...errors.keys()].filter((error) => error !== "503 unavailable")).toEqual([]);
  expect(results.byKafka.length).toBeGreaterThan(count / 5);
  expect(watched.responded.records.filter(({ outcome }) => outcome !== "completed")).toEqual([]);
}, 240_000);
