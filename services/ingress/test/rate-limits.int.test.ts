import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceAdmitted } from "@sluice/contracts";
import { suiteKeys, SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, readAdmissions } from "./edge.ts";

/* Limits across two processes of ingress, and of one whose Redis is unavailable. */

const limits = `
limits:
  - { id: search.rate, tenant: acme, selector: { team: search }, requestsPerMinute: 2 }
  - { id: labs.together, tenant: acme, selector: { team: labs }, concurrency: 1 }
  - { id: globex.rate, tenant: globex, requestsPerMinute: 1000 }
`;
const ofLabs = { authorization: `Bearer ${suiteKeys.acmeLabs}` };
const ofGlobex = { authorization: `Bearer ${suiteKeys.globex}` };

const folder = mkdtempSync(join(tmpdir(), "sluice-limits-"));
let suite: SuiteTopics;
let edge: Edge;
let other: Edge;
let withoutRedis: Edge;
let admissions: TopicReader<InferenceAdmitted>;

beforeAll(async () => {
  suite = await SuiteTopics.open("rate-limits");
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, readFileSync(suite.environment["SLUICE_CONFIG"]!, "utf8") + limits);
  const environment = { ...suite.environment, SLUICE_CONFIG: path };
  [edge, other, withoutRedis, admissions] = await Promise.all([
    Edge.start(environment),
    Edge.start(environment),
    // No Redis listens on this port.
    Edge.start({ ...environment, SLUICE_REDIS_URL: "redis://127.0.0.1:9" }, false),
    readAdmissions(suite),
  ]);
});
afterAll(async () => {
  await Promise.all([edge?.stop(), other?.stop(), withoutRedis?.stop()]);
  await suite?.close();
  rmSync(folder, { recursive: true });
});

async function codeOf(response: Response): Promise<readonly [number, string]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope
  const { error } = (await response.json()) as { readonly error: { readonly code: string } };
  return [response.status, error.code];
}

test("two processes count the requests of a limit together", async () => {
  for (const [process, question] of [
    [edge, "One?"],
    [other, "Two?"],
  ] as const) {
    const asking = process.post(chat(question));
    await edge.answer(await admittedFor(admissions, question));
    expect((await asking).status).toBe(200);
  }
  const refused = await edge.post(chat("Three?"));
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(20);
  expect(await codeOf(refused)).toEqual([429, "rate_limit_exceeded"]);
  expect(await codeOf(await other.post(chat("Three?")))).toEqual([429, "rate_limit_exceeded"]);
});

test("a slot that one process has taken ends with the outcome that another one sets", async () => {
  const running = edge.post(chat("Long?"), ofLabs);
  const admitted = await admittedFor(admissions, "Long?");
  expect(await codeOf(await other.post(chat("Next?"), ofLabs))).toEqual([
    429,
    "rate_limit_exceeded",
  ]);
  await other.decline(admitted, "provider_failed");
  expect((await running).status).toBe(502);
  const next = other.post(chat("Next?"), ofLabs);
  await edge.answer(await admittedFor(admissions, "Next?"));
  expect((await next).status).toBe(200);
});

test("a stream keeps its slot after its client has left, until its call has ended", async () => {
  const leaves = new AbortController();
  const streaming = edge.post(chat("Tell?", { stream: true }), ofLabs, leaves.signal);
  const call = await edge.call(await admittedFor(admissions, "Tell?"));
  await call.send("Once");
  await streaming;
  leaves.abort();
  await expect.poll(() => call.send(" upon")).toBe(true);
  expect((await other.post(chat("Then?"), ofLabs)).status).toBe(429);
  await call.fail("client_closed");
  const then = other.post(chat("Then?"), ofLabs);
  await edge.answer(await admittedFor(admissions, "Then?"));
  expect((await then).status).toBe(200);
});

test("without Redis, a hit is answered uncounted, and every other request is a 503", async () => {
  const asking = edge.post(chat("Cached?"), ofGlobex);
  await edge.fill(await edge.answer(await admittedFor(admissions, "Cached?")));
  const counted = await asking;
  expect(counted.headers.get("x-ratelimit-remaining-requests")).toBe("999");
  const hit = await withoutRedis.post(chat("Cached?"), ofGlobex);
  expect([hit.status, hit.headers.get("x-sluice-cache")]).toEqual([200, "exact"]);
  expect(hit.headers.get("x-ratelimit-remaining-requests")).toBeNull();
  const miss = await withoutRedis.post(chat("Not cached?"), ofGlobex);
  expect(await codeOf(miss)).toEqual([503, "unavailable"]);
  expect(await withoutRedis.scrape()).toContain('limit_checks_total{result="unavailable"} 2');
});
