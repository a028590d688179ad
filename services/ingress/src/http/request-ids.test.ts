import { once } from "node:events";
import { TransientFault } from "@sluice/domain";
import { afterEach, expect, test } from "vitest";
import { RunningEdge } from "./running-edge.fixture.ts";

const waitMs = { timeout: 20_000 };

let edge: RunningEdge;
afterEach(() => edge.abandon());

function chat(content: string, changed: object = {}): object {
  return { model: "auto", messages: [{ role: "user", content }], ...changed };
}

function idsOf({ headers }: { readonly headers: Headers }): readonly (string | null)[] {
  return [headers.get("x-sluice-request-id"), headers.get("x-request-id")];
}

/** Returns what the first admitted request of this edge is called, twice, as both headers have it. */
function admittedIds(): readonly string[] {
  const { requestId } = edge.admitted[0]!.request;
  return [requestId, requestId];
}

const endings = [
  ["provider_refused", 400],
  ["provider_failed", 502],
  ["in_doubt", 502],
  ["deadline_exceeded", 504],
  ["budget_exceeded", 402],
  ["no_variant_fits", 400],
  ["internal_error", 500],
  ["provider_busy", 503],
] as const;

test.each(
  endings.flatMap(([code, status]) =>
    [chat("Whole?"), chat("Stream?", { stream: true })].map((body) => ({ code, status, body })),
  ),
)("an answer $status $code to an admitted request has its id", async ({ code, status, body }) => {
  edge = await RunningEdge.start();
  const answering = edge.fetchChat(body);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.failAll(code);
  const answer = await answering;
  expect([answer.status, answer.error?.code]).toEqual([status, code]);
  expect(idsOf(answer)).toEqual(admittedIds());
});

test("a repeat with an idempotency key receives the failure under the same id", async () => {
  edge = await RunningEdge.start();
  const headers = { "idempotency-key": "once" };
  const answering = edge.fetchChat(chat("Once?"), headers);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.failAll("provider_failed");
  const answers = [await answering, await edge.fetchChat(chat("Once?"), headers)];
  expect(answers.map(({ status }) => status)).toEqual([502, 502]);
  expect(answers.map(idsOf)).toEqual([admittedIds(), admittedIds()]);
});

test.each([
  ["a whole answer", chat("Whole?")],
  ["a stream", chat("Stream?", { stream: true })],
])("%s has the id in both headers", async (_, body) => {
  edge = await RunningEdge.start();
  const answering = edge.fetchChat(body);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.answerAll();
  const answer = await answering;
  expect(answer.status).toBe(200);
  expect(idsOf(answer)).toEqual(admittedIds());
});

test("embeddings as numbers have the id in both headers", async () => {
  edge = await RunningEdge.start();
  const failing = edge.post("/v1/embeddings", { model: "embeddings", input: "x" }, [
    "authorization: Bearer sk-sluice-k1-one-secret-of-search",
  ]);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.failAll("provider_failed");
  const [chunk]: readonly unknown[] = await once(await failing, "data");
  expect(String(chunk)).toContain(`x-request-id: ${admittedIds()[0]}`);
});

test("a 504 of this edge has the id of its request, and SDKs do not repeat it", async () => {
  edge = await RunningEdge.start();
  const answer = await edge.fetchChat(chat("Ever?"), { "x-sluice-deadline": "0.1" });
  expect([answer.status, answer.error?.code]).toEqual([504, "deadline_exceeded"]);
  expect(answer.headers.get("x-should-retry")).toBe("false");
  expect(idsOf(answer)).toEqual(admittedIds());
});

test("a client that waits when its process stops receives the id with its 503", async () => {
  edge = await RunningEdge.start();
  const answering = edge.fetchChat(chat("Stopping?"));
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.stop();
  const answer = await answering;
  expect([answer.status, answer.error?.code]).toEqual([503, "unavailable"]);
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(idsOf(answer)).toEqual(admittedIds());
});

test("a request whose publication failed has the id that it was admitted with, because it may run", async () => {
  edge = await RunningEdge.start();
  edge.producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "No broker.");
  const answer = await edge.fetchChat(chat("Published?"), { "idempotency-key": "known" });
  expect(answer.status).toBe(503);
  edge.producer.fault = undefined;
  const answering = edge.fetchChat(chat("Published?"), { "idempotency-key": "known" });
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.failAll("provider_failed");
  await answering;
  expect(idsOf(answer)).toEqual(admittedIds());
});

test("a request that was not admitted has no id, because no record of it exists", async () => {
  edge = await RunningEdge.start();
  const past = await edge.fetchChat(chat("Late?"), { "x-sluice-deadline": "2020-01-01T00:00:00Z" });
  expect([past.status, past.error?.code]).toEqual([504, "deadline_exceeded"]);
  expect(past.headers.get("x-should-retry")).toBe("false");
  const unknown = await edge.fetchChat(chat("x", { model: "gpt-17" }));
  expect(unknown.status).toBe(404);
  expect([...idsOf(past), ...idsOf(unknown)]).toEqual([null, null, null, null]);
});

test("a key that belongs to another body is refused without the id of the other request", async () => {
  edge = await RunningEdge.start();
  const headers = { "idempotency-key": "taken" };
  const answering = edge.fetchChat(chat("One?"), headers);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  const conflict = await edge.fetchChat(chat("Other?"), headers);
  expect([conflict.status, conflict.error?.code]).toEqual([409, "idempotency_conflict"]);
  expect(idsOf(conflict)).toEqual([null, null]);
  await edge.answerAll();
  await answering;
});
