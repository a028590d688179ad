import type { InferenceAdmitted } from "@sluice/contracts";
import { SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;
let cutOff: Edge;
let admissions: TopicReader<InferenceAdmitted>;

beforeAll(async () => {
  suite = await SuiteTopics.open("limits");
  [edge, cutOff, admissions] = await Promise.all([
    Edge.start({ ...suite.environment, SLUICE_HTTP_WAITING_MAX: "1" }),
    // No broker listens on this port.
    Edge.start({ ...suite.environment, SLUICE_KAFKA_BROKERS: "127.0.0.1:9" }),
    readAdmissions(suite),
  ]);
});
afterAll(async () => {
  await Promise.all([edge?.stop(), cutOff?.stop()]);
  await suite?.close();
});

async function errorOf(response: Response): Promise<readonly [number, string]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope
  const { error } = (await response.json()) as { readonly error: { readonly code: string } };
  return [response.status, error.code];
}

test("a request beyond the limit is a 503 with retry-after, and a released place is used again", async () => {
  const waiting = edge.post(chat("First?"));
  const admitted = await admittedFor(admissions, "First?");
  const shed = await edge.post(chat("Second?"));
  expect(shed.headers.get("retry-after")).toBe("1");
  expect(await errorOf(shed)).toEqual([503, "overloaded"]);
  await edge.answer(admitted);
  expect((await waiting).status).toBe(200);

  const next = edge.post(chat("Third?"));
  await edge.answer(await admittedFor(admissions, "Third?"));
  expect((await next).status).toBe(200);
});

test("a refused request releases its place", async () => {
  expect((await edge.post(chat("x", { model: "gpt-17" }))).status).toBe(404);
  const next = edge.post(chat("Fourth?"));
  await edge.answer(await admittedFor(admissions, "Fourth?"));
  expect((await next).status).toBe(200);
});

test("a request without an answer is a 504 five seconds after its deadline, and SDKs do not repeat it", async () => {
  const startedAt = performance.now();
  const response = await edge.post(chat("Ever?"), { "x-sluice-deadline": "0.3" });
  expect(await errorOf(response)).toEqual([504, "deadline_exceeded"]);
  expect(response.headers.get("x-should-retry")).toBe("false");
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(5_200);
  expect(tookMs).toBeLessThan(8_000);
});

test("a request is a 503 within about two seconds while no broker is available", async () => {
  const startedAt = performance.now();
  const response = await cutOff.post(chat("Anybody?"));
  expect(await errorOf(response)).toEqual([503, "unavailable"]);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(performance.now() - startedAt).toBeLessThan(3_500);
});

test("an exact hit is answered while no broker is available", async () => {
  const asking = edge.post(chat("Known?"));
  await edge.fill(await edge.answer(await admittedFor(admissions, "Known?")));
  await asking;
  const startedAt = performance.now();
  const hit = await cutOff.post(chat("Known?"));
  expect([hit.status, hit.headers.get("x-sluice-cache")]).toEqual([200, "exact"]);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("a request that could not be published is published by its repeat under the same record", async () => {
  const key = { "idempotency-key": "through-an-outage" };
  expect((await cutOff.post(chat("Again?"), key)).status).toBe(503);
  const asking = edge.post(chat("Again?"), key);
  await edge.answer(await admittedFor(admissions, "Again?"));
  expect((await asking).status).toBe(200);
});

test("a client that waits while ingress stops receives a 503, and its retry joins the same request", async () => {
  const stopping = await Edge.start(suite.environment);
  const waiting = stopping.post(chat("Stopping?"));
  const admitted = await admittedFor(admissions, "Stopping?");
  const [refused] = await Promise.all([waiting, stopping.stop()]);
  expect(await errorOf(refused)).toEqual([503, "unavailable"]);

  const joining = edge.post(chat("Stopping?"), { "x-stainless-retry-count": "1" });
  await edge.answer(admitted);
  const joined = await joining;
  expect(joined.headers.get("x-sluice-request-id")).toBe(admitted.request.requestId);
});
