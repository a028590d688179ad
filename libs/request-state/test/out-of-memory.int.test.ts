import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { InMemoryTopicCodecs } from "@sluice/contracts";
import { connectRedis, connectSubscriber, type Redis, stateCommandTimeoutMs } from "@sluice/redis";
import { RedisBudgets } from "@sluice/budgets";
import { openBudgets } from "@sluice/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
  hitFixture,
  meteredFixture,
} from "../src/contract/records.fixture.ts";
import { fenceOf } from "../src/contract/contract-harness.fixture.ts";
import {
  newReaderId,
  RedisAdmissions,
  RedisAttempts,
  RedisOutcomes,
  RedisReplies,
  RedisRequests,
  refOfAdmitted,
  type ReplyEvent,
} from "../src/index.ts";

const url = process.env["SLUICE_REDIS_URL"]!;
const prefix = `${fixtureTenant}.oom.`;
const leaseMs = 10_000;
const outOfMemory = { name: "TransientFault", code: "REDIS_OUT_OF_MEMORY" };

let redis: Redis;
let admissions: RedisAdmissions;
let attempts: RedisAttempts;
let outcomes: RedisOutcomes;
let replies: RedisReplies;
let limitBefore: string;

beforeAll(async () => {
  redis = connectRedis(url, { name: "oom-suite", commandTimeoutMs: stateCommandTimeoutMs });
  const subscriber = connectSubscriber(url, { name: "oom-suite-replies" });
  await Promise.all([once(redis, "ready"), once(subscriber, "ready")]);
  const requests = new RedisRequests(redis, new InMemoryTopicCodecs(), prefix);
  await openBudgets(new RedisBudgets(redis, prefix), [fixtureTenant]);
  admissions = new RedisAdmissions(requests);
  attempts = new RedisAttempts(requests);
  outcomes = new RedisOutcomes(requests);
  replies = new RedisReplies(requests, subscriber);
});
beforeEach(async () => {
  [, limitBefore = "0"] = await redis.config("GET", "maxmemory");
});
afterEach(async () => {
  await redis.config("SET", "maxmemory", limitBefore);
});
afterAll(async () => {
  await replies.close();
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
});

/** The server uses more than this as soon as it runs. */
async function fillUp(): Promise<void> {
  await redis.config("SET", "maxmemory", "1mb");
  await expect(redis.set(`${prefix}probe`, "1")).rejects.toThrow("OOM");
}

test("a full store refuses a new request and leaves no trace of it, and admits it when there is room", async () => {
  const admitted = admittedFixture();
  const reader = { id: newReaderId(), listener: replies.listener };
  const entry = { admitted, reader, join: { keyId: "k1" } };
  await fillUp();
  await expect(admissions.admit([entry])).rejects.toMatchObject(outOfMemory);
  expect(await admissions.find([admitted])).toEqual([null]);
  const keys = await redis.keys(`${prefix}*`);
  expect(keys.filter((key) => !key.endsWith(":budgets"))).toEqual([]);
  await redis.config("SET", "maxmemory", limitBefore);
  expect(await admissions.admit([entry])).toEqual([{ kind: "first", admitted }]);
});

test("a request that was admitted before the store was full is called, streamed, finished and published", async () => {
  const admitted = admittedFixture();
  const ref = refOfAdmitted(admitted);
  const reader = { id: newReaderId(), listener: replies.listener };
  await admissions.admit([{ admitted, reader }]);
  await fillUp();
  // After a restart of the server, the scripts have to be loaded, too.
  await redis.script("FLUSH");
  await admissions.acknowledge([ref]);
  const reading = eventsOf(admitted, reader.id);
  const fence = fenceOf(await attempts.begin(ref, randomUUID(), leaseMs, null));
  expect(await attempts.calling(ref, 1, fence, 10_000)).toBe(true);
  expect(await attempts.renew(ref, 1, fence, leaseMs)).toMatchObject({ kind: "renewed" });
  expect(await attempts.append(ref, 1, fence, 0, "a")).toMatchObject({ kind: "appended" });
  const [metered, outcome] = [meteredFixture(admitted, 1), answeredFixture(admitted, "a dam")];
  expect(await attempts.finish(ref, 1, fence, { metered, outcome })).toMatchObject({
    kind: "won",
  });
  await outcomes.published([{ outcome, meteredAttempts: [1] }]);
  expect(await reading).toMatchObject([{ kind: "token" }, { kind: "end", outcome }]);
  expect(await admissions.admit([{ admitted }])).toEqual([{ kind: "ended", outcome }]);
  expect(await attempts.history(ref)).toMatchObject({ outcome, attempts: [] });
});

test("a full store lets a request fail over to a further attempt, be cancelled, declined or answered by a hit", async () => {
  const [retried, left, declined, hit] = Array.from({ length: 4 }, () => admittedFixture());
  for (const admitted of [retried!, left!, declined!, hit!]) await admissions.admit([{ admitted }]);
  await fillUp();
  const ref = refOfAdmitted(retried!);
  const fence = fenceOf(await attempts.begin(ref, "owner-a", leaseMs, null));
  const metered = meteredFixture(retried!, 1);
  expect(await attempts.fail(ref, 1, fence, { reason: "429", metered })).toBe(true);
  const second = await attempts.claim(ref, 2, "owner-a", leaseMs, null);
  if (second.kind !== "held") throw new Error(`The claim returned ${second.kind}.`);
  expect(await attempts.release(ref, 2, second.fence, meteredFixture(retried!, 2))).toBe(true);

  await replies.cancel(refOfAdmitted(left!), newReaderId());
  expect(await attempts.history(refOfAdmitted(left!))).toMatchObject({ cancelled: true });
  const ends = [failedFixture(declined!), hitFixture(hit!, "a dam")] as const;
  expect(await outcomes.claim([ends[0]], "decision")).toMatchObject([{ kind: "won" }]);
  expect(await outcomes.claim([ends[1]], "hit")).toMatchObject([{ kind: "won" }]);
});

async function eventsOf(
  admitted: ReturnType<typeof admittedFixture>,
  readerId: string,
): Promise<readonly ReplyEvent[]> {
  const events: ReplyEvent[] = [];
  const signal = AbortSignal.timeout(10_000);
  for await (const event of replies.follow(refOfAdmitted(admitted), readerId, signal))
    events.push(event);
  return events;
}
