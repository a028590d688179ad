import type { Declarations } from "@sluice/declarations";
import { type Clock, Defect, PermanentFault, TransientFault } from "@sluice/domain";
import {
  InMemoryAdmissions,
  InMemoryOutcomes,
  InMemoryRateLimits,
  InMemoryReplies,
  InMemoryRequests,
} from "@sluice/request-state";
import { InMemoryExactCache, InMemoryFlights, lookupOf } from "@sluice/response-cache";
import { InMemoryEventProducer } from "@sluice/stage";
import { aCompletion, aRequest } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { HitFinder } from "../admission/hit-finder.ts";
import { SharedAnswers } from "../admission/shared-answers.ts";
import { limitedBy, someDeclarations } from "../declarations.fixture.ts";
import { RequestLimits } from "../limits/request-limits.ts";
import { IngressMetrics } from "../metrics.ts";
import { parseChatBody } from "../request/chat-body.ts";
import { noAdditions } from "../request/parsed.fixture.ts";
import { valueOf } from "../request/parsed.fixture.ts";
import { parseHeaders } from "../request/request-headers.ts";
import { HttpAdmission, type HttpRequest, type WaitingClient } from "./http-admission.ts";

const now = 1_800_000_000_000;
const clock: Clock = { now: () => now };
const declarations: Declarations = someDeclarations();
const [key] = declarations.keys();
/** A client that does not leave. */
const stays: WaitingClient = {
  gone: new AbortController().signal,
  receivesId: () => undefined,
  receivesLimits: () => undefined,
};
const messages = [{ role: "user", content: aRequest().messages[0]!.content }];

function requestOf(
  headers: Readonly<Record<string, string>> = {},
  changed: object = {},
): HttpRequest {
  const body = parseChatBody({ model: "auto", messages, ...changed }, noAdditions);
  return {
    ...{ key: key!, body: valueOf(body), headers: valueOf(parseHeaders(headers, now)) },
    trace: { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` },
  };
}

/** The admission with fakes, on which `calls` lists every round trip in order. */
function withFakes(declared: Declarations = declarations) {
  const requests = new InMemoryRequests(clock);
  const fakes = {
    admissions: new InMemoryAdmissions(requests),
    outcomes: new InMemoryOutcomes(requests),
    cache: new InMemoryExactCache(clock),
    flights: new InMemoryFlights(clock),
    limits: new InMemoryRateLimits(requests),
    producer: new InMemoryEventProducer(),
    savings: new InMemoryEventProducer(),
  };
  const replies = new InMemoryReplies(requests);
  const calls: string[] = [];
  const counted = <T extends object>(name: string, fake: T): T =>
    new Proxy(fake, {
      get(target, member, receiver) {
        const value: unknown = Reflect.get(target, member, receiver);
        if (typeof value !== "function") return value;
        return (...given: readonly unknown[]): unknown => {
          calls.push(`${name}.${String(member)}`);
          return Reflect.apply(value, target, given);
        };
      },
    });
  const metrics = new IngressMetrics(new Registry());
  const admission = new HttpAdmission(
    declared,
    counted("admissions", fakes.admissions),
    counted("outcomes", fakes.outcomes),
    new HitFinder(counted("cache", fakes.cache), declared, clock, metrics, 50),
    new RequestLimits(counted("limits", fakes.limits), declared, clock, metrics),
    new SharedAnswers(counted("flights", fakes.flights), fakes.cache, replies, clock),
    counted("producer", fakes.producer),
    counted("savings", fakes.savings),
    clock,
    replies,
    metrics,
    { topicPrefix: "", replaySecret: undefined, attributionSecret: "a".repeat(32) },
  );
  return { ...fakes, admission, calls };
}

type Fakes = ReturnType<typeof withFakes>;

async function fillCache({ cache }: Fakes): Promise<void> {
  const { namespace, cacheKey } = lookupOf(aRequest(), declarations.cachePolicyOf("acme"));
  const entry = {
    ...{ completed: aCompletion(), completedAt: now - 1_000, expiresAt: now + 60_000 },
    requestId: "r-0",
  };
  await cache.store([{ address: { tenant: "acme", namespace, cacheKey }, entry }]);
}

test("an exact hit without a key costs one look-up in the cache, and nothing is published before the answer", async () => {
  const fakes = withFakes();
  await fillCache(fakes);
  const result = await fakes.admission.admit(requestOf(), stays);
  expect(fakes.calls).toEqual(["cache.find"]);
  if (result.kind !== "answered") throw new Error("It was not answered.");
  expect(result.outcome.completed?.cache).toBe("exact");
  await result.afterAnswer();
  // A producer that Kafka accepts nothing from, for example because of cost.metered, delays no admission.
  expect(fakes.calls).toEqual(["cache.find", "savings.send"]);
  expect(fakes.savings.records.map(({ topic }) => topic.name)).toEqual(["cost.metered"]);
});

test("an exact hit with a key is claimed, and a repeat receives the same outcome", async () => {
  const fakes = withFakes();
  await fillCache(fakes);
  const hit = await fakes.admission.admit(requestOf({ "idempotency-key": "k" }), stays);
  const claim = ["admissions.find", "cache.find", "admissions.admit", "outcomes.claim"];
  expect(fakes.calls).toEqual(claim);
  if (hit.kind !== "answered") throw new Error("It was not answered.");
  const repeat = await fakes.admission.admit(requestOf({ "idempotency-key": "k" }), stays);
  expect(repeat).toMatchObject({ kind: "answered", outcome: { requestId: hit.outcome.requestId } });
  expect(fakes.calls).toEqual([...claim, "admissions.find"]);
  expect([...fakes.producer.sent, ...fakes.savings.sent]).toEqual([]);
});

test("a miss is looked up once, leads, is claimed once and published once, with its trace", async () => {
  const fakes = withFakes();
  const result = await fakes.admission.admit(requestOf(), stays);
  expect(result).toMatchObject({ kind: "running", isNew: true, deadlineAt: now + 120_000 });
  expect(fakes.calls).toEqual([
    ...["cache.find", "flights.lead", "admissions.admit", "producer.send"],
    ...["admissions.acknowledge", "flights.extend"],
  ]);
  const [message] = fakes.producer.records;
  expect(message).toMatchObject({
    record: { origin: "http", lookup: { result: "miss" }, attribution: { key: "k1" } },
    headers: requestOf().trace,
  });
});

test("a hit counts in the limits of its key, and the count adds no round trip after another", async () => {
  const fakes = withFakes(limitedBy("limits: [{ id: all, requestsPerMinute: 1 }]"));
  await fillCache(fakes);
  expect(await fakes.admission.admit(requestOf(), stays)).toMatchObject({ kind: "answered" });
  expect(fakes.calls).toEqual(["cache.find", "limits.take"]);
  const second = fakes.admission.admit(requestOf(), stays);
  await expect(second).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded" });
});

test("without its Redis, a hit is answered uncounted, and a request that would be admitted is a 503", async () => {
  const fakes = withFakes(limitedBy("limits: [{ id: all, requestsPerMinute: 1 }]"));
  fakes.limits.take = () => Promise.reject(new TransientFault("REDIS_UNAVAILABLE", "gone"));
  await expect(fakes.admission.admit(requestOf(), stays)).rejects.toMatchObject({
    ...{ status: 503, code: "unavailable" },
  });
  expect(fakes.producer.sent).toEqual([]);
  await fillCache(fakes);
  expect(await fakes.admission.admit(requestOf(), stays)).toMatchObject({ kind: "answered" });
});

test("a hit holds its slot of a concurrency no longer than until it is answered", async () => {
  const fakes = withFakes(limitedBy("limits: [{ id: all, concurrency: 1 }]"));
  await fillCache(fakes);
  for (const _ of [1, 2])
    expect(await fakes.admission.admit(requestOf(), stays)).toMatchObject({ kind: "answered" });
  expect(fakes.calls.filter((call) => call === "limits.release")).toHaveLength(2);
});

test("a repeat with another body does not end the slot of the request that has its id", async () => {
  const fakes = withFakes(limitedBy("limits: [{ id: all, concurrency: 1 }]"));
  const keyed = { "idempotency-key": "k" };
  await fakes.admission.admit(requestOf(keyed), stays);
  const other = fakes.admission.admit(requestOf(keyed, { seed: 1 }), stays);
  await expect(other).rejects.toMatchObject({ code: "idempotency_conflict" });
  const next = fakes.admission.admit(requestOf({}, { seed: 2 }), stays);
  await expect(next).rejects.toMatchObject({ code: "rate_limit_exceeded" });
});

test.each([
  ["a model that does not exist", requestOf({}, { model: "gpt-17" }), "model_not_found"],
  ["a user that its key may not name", requestOf({ "x-sluice-user": "eve" }), "name_not_allowed"],
  ["a deadline that has passed", requestOf({ "x-sluice-deadline": "0" }), "deadline_exceeded"],
])("a request with %s is refused without any look-up", async (_, request, code) => {
  const { admission, calls } = withFakes();
  await expect(admission.admit(request, stays)).rejects.toMatchObject({ code });
  expect(calls).toEqual([]);
});

test("an SDK's retry without a key joins the first request with the same body", async () => {
  const { admission, calls } = withFakes();
  const first = await admission.admit(requestOf(), stays);
  calls.length = 0;
  const retry = await admission.admit(requestOf({ "x-stainless-retry-count": "1" }), stays);
  expect(retry).toEqual({ ...first, isNew: false, readerId: expect.any(String) });
  expect(calls).toEqual(["admissions.joinable", "admissions.find"]);
});

test("a request that another process admits during the look-up joins that request", async () => {
  const fakes = withFakes();
  const other = await fakes.admission.admit(requestOf({ "idempotency-key": "k" }), stays);
  fakes.admissions.find = async () => [null];
  const request = requestOf({ "idempotency-key": "k" });
  expect(await fakes.admission.admit(request, stays)).toEqual({
    ...{ ...other, isNew: false, readerId: expect.any(String) },
  });
  expect(fakes.producer.records).toHaveLength(1);
});

test("a hit joins the request that another process admitted during the look-up", async () => {
  const fakes = withFakes();
  const other = await fakes.admission.admit(requestOf({ "idempotency-key": "k" }), stays);
  fakes.admissions.find = async () => [null];
  await fillCache(fakes);
  const request = requestOf({ "idempotency-key": "k" });
  expect(await fakes.admission.admit(request, stays)).toEqual({
    ...{ ...other, isNew: false, readerId: expect.any(String) },
  });
});

test("a hit whose claim is lost to an attempt joins the request that runs", async () => {
  const fakes = withFakes();
  await fillCache(fakes);
  fakes.outcomes.claim = async () => [{ kind: "attempt-held" }];
  const result = await fakes.admission.admit(requestOf({ "idempotency-key": "k" }), stays);
  expect(result).toMatchObject({ kind: "running", isNew: false });
  expect(fakes.producer.records).toHaveLength(1);
});

test("a request that loses its key to another body during the look-up is a conflict", async () => {
  const fakes = withFakes();
  await fakes.admission.admit(requestOf({ "idempotency-key": "k" }, { temperature: 0 }), stays);
  fakes.admissions.find = async () => [null];
  const request = requestOf({ "idempotency-key": "k" });
  await expect(fakes.admission.admit(request, stays)).rejects.toMatchObject({
    ...{ status: 409, code: "idempotency_conflict" },
  });
});

test("a request that Kafka does not take is a 503, and its repeat publishes the same record", async () => {
  const fakes = withFakes();
  const request = requestOf({ "idempotency-key": "k" });
  fakes.producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "No broker answers.");
  await expect(fakes.admission.admit(request, stays)).rejects.toMatchObject({
    ...{ status: 503, code: "unavailable", headers: { "retry-after": "1" } },
  });
  fakes.producer.fault = undefined;
  const repeat = await fakes.admission.admit(request, stays);
  expect(repeat).toMatchObject({ kind: "running", isNew: false, admittedAt: now });
  expect(fakes.producer.records).toHaveLength(1);
});

test("a request is a 503 with a code of its own while Redis has no room for it", async () => {
  const fakes = withFakes();
  fakes.admissions.admit = async () => {
    throw new TransientFault("REDIS_OUT_OF_MEMORY", "Redis has reached its memory limit.");
  };
  await expect(fakes.admission.admit(requestOf(), stays)).rejects.toMatchObject({
    ...{ status: 503, code: "overloaded", headers: { "retry-after": "1" } },
  });
});

test("a request is a 503 while Redis is unavailable", async () => {
  const fakes = withFakes();
  fakes.admissions.admit = async () => {
    throw new TransientFault("REDIS_UNAVAILABLE", "Redis does not answer.");
  };
  await expect(fakes.admission.admit(requestOf(), stays)).rejects.toMatchObject({ status: 503 });
});

test.each([
  ["Kafka refuses", new PermanentFault("STAGE_MESSAGE_REFUSED", "The message is too large.")],
  ["cannot be encoded", new Defect("CONTRACT_UNENCODABLE", "The record has another type.")],
])("a request that %s is a 500 that SDKs do not repeat", async (_, fault) => {
  const fakes = withFakes();
  fakes.producer.fault = fault;
  await expect(fakes.admission.admit(requestOf(), stays)).rejects.toMatchObject({
    ...{ status: 500, code: "internal_error", headers: { "x-should-retry": "false" } },
    cause: fault,
  });
});

test("a request whose client leaves before its admission leads no longer, and a repeat of its key does not end its flight", async () => {
  const fakes = withFakes();
  const gone = { ...stays, gone: AbortSignal.abort() };
  await expect(fakes.admission.admit(requestOf(), gone)).rejects.toMatchObject({
    code: "client_closed",
  });
  expect(fakes.producer.sent).toEqual([]);
  const keyed = { "idempotency-key": "k" };
  const [first, repeat] = await Promise.all([
    fakes.admission.admit(requestOf(keyed), stays),
    fakes.admission.admit(requestOf(keyed), stays),
  ]);
  expect([first.kind, repeat.kind]).toEqual(["running", "running"]);
  const { namespace, cacheKey } = lookupOf(aRequest(), declarations.cachePolicyOf("acme"));
  const leader = await fakes.flights.leaderOf({ tenant: "acme", namespace, cacheKey });
  expect(fakes.producer.records[0]).toMatchObject({ record: { request: { requestId: leader } } });
});
