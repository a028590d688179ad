import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type InferenceAdmitted, InMemoryTopicCodecs } from "@sluice/contracts";
import { connectRedis, connectSubscriber, type Redis, stateCommandTimeoutMs } from "@sluice/redis";
import { RedisBudgets } from "@sluice/budgets";
import { openBudgets } from "@sluice/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  admittedFixture,
  fixtureTenant,
  answeredFixture,
  failedFixture,
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
  type AdmittedRef,
} from "../src/index.ts";
import { StoredRecords } from "../src/stored-records.ts";

const url = process.env["SLUICE_REDIS_URL"]!;
/** As long as an ordinary topic prefix, because each key has it. */
const prefix = `m${randomUUID().slice(0, 6)}.`;
const codecs = new InMemoryTopicCodecs();
const leaseMs = 10_000;
/** As long as the answer in the measurement that this limit was set for. */
const text = "a dam across the river, ".repeat(50);

let redis: Redis;
let requests: RedisRequests;
let admissions: RedisAdmissions;
let attempts: RedisAttempts;
let outcomes: RedisOutcomes;
let replies: RedisReplies;

beforeAll(async () => {
  redis = connectRedis(url, { name: "memory-suite", commandTimeoutMs: stateCommandTimeoutMs });
  const subscriber = connectSubscriber(url, { name: "memory-suite-replies" });
  await Promise.all([once(redis, "ready"), once(subscriber, "ready")]);
  requests = new RedisRequests(redis, codecs, prefix);
  await openBudgets(new RedisBudgets(redis, prefix), [fixtureTenant]);
  admissions = new RedisAdmissions(requests);
  attempts = new RedisAttempts(requests);
  outcomes = new RedisOutcomes(requests);
  replies = new RedisReplies(requests, subscriber);
});

afterEach(async () => {
  const keys = await keysOfRequests();
  if (keys.length > 0) await redis.del(...keys);
});

afterAll(async () => {
  await replies.close();
  redis.disconnect();
});

/** Returns all keys but the state of the tenant's budgets, of which there is one for all requests. */
async function keysOfRequests(): Promise<readonly string[]> {
  const keys = await redis.keys(`${prefix}*`);
  return keys.filter((key) => !key.endsWith(":budgets"));
}

/** Returns the bytes of all keys of the suite, which has one request at a time. */
async function bytesHeld(): Promise<number> {
  const keys = await keysOfRequests();
  const sizes = await Promise.all(keys.map((key) => redis.memory("USAGE", key, "SAMPLES", 0)));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

function answerKeyOf(ref: AdmittedRef): string {
  return requests.keysOf(ref)[1];
}

/** A request with much more than an answer: a long prompt, tools and tags. */
function longRequest(changes: Partial<InferenceAdmitted>): InferenceAdmitted {
  const admitted = admittedFixture(changes);
  const { request } = admitted;
  const messages = [{ ...request.messages[0]!, content: "canary ".repeat(1_000) }];
  const parameters = JSON.stringify({ tools: ["canary ".repeat(500)] });
  return {
    ...admitted,
    request: { ...request, messages, parameters, tags: { note: "canary" } },
  };
}

interface Kind {
  readonly name: string;
  readonly changes: Partial<InferenceAdmitted>;
  readonly isHttp: boolean;
}

const kinds: readonly Kind[] = [
  { name: "HTTP, whole", changes: { reply: "whole", remembered: false }, isHttp: true },
  { name: "HTTP, stream", changes: { reply: "live", remembered: false }, isHttp: true },
  {
    name: "HTTP, whole, with an idempotency key",
    changes: { reply: "whole", remembered: true },
    isHttp: true,
  },
  {
    name: "HTTP, stream, with an idempotency key",
    changes: { reply: "live", remembered: true },
    isHttp: true,
  },
  {
    name: "Kafka",
    changes: { reply: "none", remembered: true, origin: "kafka" },
    isHttp: false,
  },
];

/** Admits, streams, finishes and publishes, as ingress and adapter do. */
async function runToItsEnd({ changes, isHttp }: Kind, stays = isHttp): Promise<AdmittedRef> {
  const admitted = longRequest(changes);
  const ref = refOfAdmitted(admitted);
  const reader = { id: newReaderId(), listener: replies.listener };
  const forClient = isHttp ? { reader, join: { keyId: "k1" } } : {};
  await admissions.admit([{ admitted, ...forClient }]);
  await admissions.acknowledge([ref]);
  const reading = stays ? read(ref, reader.id) : undefined;
  const fence = fenceOf(await attempts.begin(ref, randomUUID(), leaseMs, null));
  await attempts.calling(ref, 1, fence, 10_000);
  for (const [sequence, word] of text.split(" ").entries())
    await attempts.append(ref, 1, fence, sequence, JSON.stringify({ choices: [{ word }] }));
  const metered = meteredFixture(admitted, 1);
  const outcome = answeredFixture(admitted, text);
  await attempts.finish(ref, 1, fence, { metered, outcome });
  await outcomes.published([{ outcome, meteredAttempts: [1] }]);
  await reading;
  return ref;
}

async function read(ref: AdmittedRef, readerId: string): Promise<void> {
  for await (const event of replies.follow(ref, readerId, AbortSignal.timeout(10_000), true))
    if (event.kind === "end") expect(event.isComplete).toBe(true);
}

describe("the memory of requests in Redis", () => {
  test.each(kinds)(
    "$name: an answer that is retained costs its size and 1 KB, and a forgotten one 300 bytes",
    async (kind) => {
      const ref = await runToItsEnd(kind);
      const answerBytes = await redis.strlen(answerKeyOf(ref));
      expect(answerBytes).toBeGreaterThan(text.length);
      // The stream is kept for some seconds after its last reader.
      await expect.poll(bytesHeld, { timeout: 10_000 }).toBeLessThanOrEqual(answerBytes + 1_024);
      await redis.del(answerKeyOf(ref), ...(await redis.keys(`${prefix}*:join:*`)));
      expect(await bytesHeld()).toBeLessThanOrEqual(300);
    },
  );

  test("a stream whose client left leaves a marker of at most 300 bytes, too", async () => {
    const ref = await runToItsEnd({ name: "", changes: { reply: "live" }, isHttp: true }, false);
    expect(await redis.hget(requests.keysOf(ref)[0], "readers")).toHaveLength(8);
    await redis.del(...requests.keysOf(ref).slice(1), ...(await redis.keys(`${prefix}*:join:*`)));
    expect(await bytesHeld()).toBeLessThanOrEqual(300);
  });

  test("a hit with an idempotency key and a decline leave the same marker", async () => {
    for (const outcomeOf of [
      (admitted: InferenceAdmitted) => hitFixture(admitted, text),
      (admitted: InferenceAdmitted) => failedFixture(admitted),
    ]) {
      const admitted = longRequest({ remembered: true, reply: "whole" });
      const ref = refOfAdmitted(admitted);
      await admissions.admit([{ admitted }]);
      const outcome = outcomeOf(admitted);
      await outcomes.claim([outcome], outcome.completed ? "hit" : "decision");
      await outcomes.published([{ outcome, meteredAttempts: outcome.completed ? [0] : [] }]);
      await redis.del(answerKeyOf(ref));
      expect(await bytesHeld()).toBeLessThanOrEqual(300);
      await redis.del(...requests.keysOf(ref));
    }
  });

  test("no key of a running request holds its prompt, its parameters or its tags", async () => {
    const admitted = longRequest({ reply: "live" });
    const ref = refOfAdmitted(admitted);
    await admissions.admit([{ admitted, join: { keyId: "k1" } }]);
    await attempts.begin(ref, randomUUID(), leaseMs, null);
    const values = await Promise.all((await keysOfRequests()).map((key) => redis.dumpBuffer(key)));
    expect(values).toHaveLength(2);
    // A dump may be compressed, so the fields of the hash are looked at as well.
    const fields = await redis.hgetallBuffer(requests.keysOf(ref)[0]);
    for (const value of [...values, ...Object.values(fields)])
      expect(value?.includes("canary")).toBe(false);
  });

  test("a running request without tokens needs at most 1.5 KB, whatever the size of its prompt", async () => {
    const admitted = longRequest({ reply: "live" });
    const reader = { id: newReaderId(), listener: replies.listener };
    await admissions.admit([{ admitted, reader, join: { keyId: "k1" } }]);
    await attempts.begin(refOfAdmitted(admitted), randomUUID(), leaseMs, null);
    expect(await bytesHeld()).toBeLessThanOrEqual(1_536);
  });
});

describe("requests that Sluice 0.1 stored", () => {
  const records = new StoredRecords(codecs);

  /** Writes the hash as Sluice 0.1 did, with the record twice, or without messages once it was acknowledged. */
  async function storedByOld(
    admitted: InferenceAdmitted,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<AdmittedRef> {
    const ref = refOfAdmitted(admitted);
    const { request } = admitted;
    const slim = { ...admitted, request: { ...request, messages: [] } };
    await redis.hset(requests.keysOf(ref)[0], {
      ...{ bodyHash: admitted.bodyHash, reply: admitted.reply, listeners: "a-channel" },
      withoutMessages: records.admittedBytes(slim),
      ...(fields["acknowledged"] ? {} : { admitted: records.admittedBytes(admitted) }),
      ...fields,
    });
    return ref;
  }

  test("a repeat publishes the record that was admitted first, whether its messages are stored or not", async () => {
    for (const acknowledged of [false, true]) {
      const admitted = longRequest({});
      await storedByOld(admitted, acknowledged ? { acknowledged: "1" } : {});
      const later = { ...admitted, admittedAt: admitted.admittedAt + 9 };
      expect(await admissions.admit([{ admitted: later }])).toEqual([
        { kind: "running", admitted, isAcknowledged: acknowledged },
      ]);
    }
  });

  test("a request that runs is finished, and its marker is as small as any other", async () => {
    const admitted = longRequest({ reply: "whole" });
    const ref = await storedByOld(admitted, { acknowledged: "1" });
    const fence = fenceOf(await attempts.begin(ref, randomUUID(), leaseMs, null));
    await attempts.calling(ref, 1, fence, 10_000);
    const [metered, outcome] = [meteredFixture(admitted, 1), answeredFixture(admitted, text)];
    await attempts.finish(ref, 1, fence, { metered, outcome });
    await outcomes.published([{ outcome, meteredAttempts: [1] }]);
    const held = await redis.memory("USAGE", requests.keysOf(ref)[0], "SAMPLES", 0);
    expect(held).toBeLessThanOrEqual(300);
  });

  test("a request that has ended keeps its outcome, is not called again, and its stream ends", async () => {
    const admitted = longRequest({ reply: "live" });
    const outcome = answeredFixture(admitted, text);
    const ended = { outcomeHash: "0".repeat(64), outcomeKind: "completed", published: "1" };
    const attempt = { "1.state": "finished", "1.fence": "1", "1.sequence": "0", began: "1" };
    const ref = await storedByOld(admitted, {
      ...{ ...ended, ...attempt, acknowledged: "1", outcomeBy: "attempt-1" },
    });
    const [, answer, stream] = requests.keysOf(ref);
    await redis.set(answer, records.outcomeBytes(outcome));
    await redis.xadd(stream, "*", "attempt", "1", "sequence", "0", "payload", "a");
    await redis.xadd(stream, "*", "end", "1");

    expect(await admissions.find([admitted])).toEqual([{ kind: "ended", outcome }]);
    expect(await attempts.begin(ref, "owner-b", leaseMs, null)).toBeNull();
    expect(await attempts.history(ref)).toMatchObject({ outcome, replyBegan: true });
    expect(await outcomes.claim([outcome, failedFixture(admitted)], "decision")).toEqual([
      { kind: "won", outcome },
      { kind: "lost", outcome },
    ]);
    const events: object[] = [];
    for await (const event of replies.follow(ref, newReaderId(), AbortSignal.timeout(5_000)))
      events.push(event);
    expect(events).toEqual([
      { kind: "token", attempt: 1, sequence: 0, payload: "a" },
      { kind: "end", outcome, isComplete: true },
    ]);
  });
});
