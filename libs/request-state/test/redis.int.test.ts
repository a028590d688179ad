import { once } from "node:events";
import { RedisBudgets } from "@sluice/budgets";
import { InMemoryTopicCodecs } from "@sluice/contracts";
import { connectRedis, connectSubscriber, type Redis, stateCommandTimeoutMs } from "@sluice/redis";
import { openBudgets } from "@sluice/testing";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { admissionsContract } from "../src/contract/admissions.contract.ts";
import { attemptsContract } from "../src/contract/attempts.contract.ts";
import {
  admit,
  beginCall,
  claimAttempt,
  longLeaseMs,
  type OutcomeHarness,
} from "../src/contract/contract-harness.fixture.ts";
import { refOfAdmitted } from "../src/request-ref.ts";
import {
  newReaderId,
  RedisAdmissions,
  RedisAttempts,
  RedisOutcomes,
  RedisRateLimits,
  RedisReplies,
  RedisRequests,
  type ReplyEvent,
  type AdmittedRef,
} from "../src/index.ts";
import { outcomesContract } from "../src/contract/outcomes.contract.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
  meteredFixture,
} from "../src/contract/records.fixture.ts";
import { publishedContract } from "../src/contract/published.contract.ts";
import { reservationsContract } from "../src/contract/reservations.contract.ts";
import { rateLimitsContract } from "../src/contract/rate-limits.contract.ts";
import { repliesContract } from "../src/contract/replies.contract.ts";

const url = process.env["SLUICE_REDIS_URL"]!;
const prefix = `${fixtureTenant}.`;
const dayMs = 24 * 60 * 60 * 1000;
const minuteMs = 60 * 1000;

let redis: Redis;
let requests: RedisRequests;
let harness: OutcomeHarness;

beforeAll(async () => {
  redis = connectRedis(url, { name: "outcomes-suite", commandTimeoutMs: stateCommandTimeoutMs });
  const subscriber = connectSubscriber(url, { name: "outcomes-suite-replies" });
  await Promise.all([once(redis, "ready"), once(subscriber, "ready")]);
  requests = new RedisRequests(redis, new InMemoryTopicCodecs(), prefix);
  const budgets = new RedisBudgets(redis, prefix);
  await openBudgets(budgets, [fixtureTenant]);
  harness = {
    admissions: new RedisAdmissions(requests),
    outcomes: new RedisOutcomes(requests),
    attempts: new RedisAttempts(requests),
    replies: new RedisReplies(requests, subscriber),
    budgets,
    forgetAnswer: async (ref) => void (await redis.del(requests.keysOf(ref)[1])),
    forgetTokens: async (ref) => void (await redis.del(requests.keysOf(ref)[2])),
    forget: async (ref) => void (await redis.del(...requests.keysOf(ref))),
  };
});

afterAll(async () => {
  await harness.replies.close();
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
});

admissionsContract("Redis", () => harness);
outcomesContract("Redis", () => harness);
attemptsContract("Redis", () => harness);
publishedContract("Redis", () => harness);
repliesContract("Redis", () => harness);
reservationsContract("Redis", () => harness);
rateLimitsContract("Redis", () => ({
  limits: new RedisRateLimits(requests),
  outcomes: harness.outcomes,
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

async function timesToLive(ref: AdmittedRef): Promise<readonly number[]> {
  return Promise.all(requests.keysOf(ref).map((key) => redis.pttl(key)));
}

/** Matches a time within five seconds. */
const about = (timeMs: number): unknown => expect.closeTo(timeMs, -4);

describe("the times to live in Redis", () => {
  test("each key has a time to live from the first write on", async () => {
    const admitted = admittedFixture();
    const ref = await admit(harness, admitted);
    expect((await timesToLive(ref))[0]).toEqual(about(3 * dayMs));
    const fence = await beginCall(harness, ref);
    await harness.attempts.append(ref, 1, fence, 0, "a");
    expect((await timesToLive(ref))[2]).toEqual(about(10 * minuteMs));
    const outcome = answeredFixture(admitted, "a dam");
    await harness.attempts.finish(ref, 1, fence, { metered: null, outcome });
    const kept = [about(3 * dayMs), about(3 * dayMs), about(minuteMs)];
    expect(await timesToLive(ref)).toEqual(kept);
  });

  test("a claim, an attempt and a cancellation of an unknown request have a time to live too", async () => {
    const claimed = admittedFixture();
    await harness.outcomes.claim([failedFixture(claimed)], "decision");
    const attempted = refOfAdmitted(admittedFixture());
    await claimAttempt(harness, attempted);
    const cancelled = refOfAdmitted(admittedFixture());
    await harness.replies.cancel(cancelled, newReaderId());
    for (const ref of [refOfAdmitted(claimed), attempted, cancelled])
      expect((await timesToLive(ref))[0]).toEqual(about(3 * dayMs));
  });

  test("reading creates no key", async () => {
    const admitted = admittedFixture();
    const ref = refOfAdmitted(admitted);
    await harness.admissions.find([admitted]);
    await harness.attempts.history(ref);
    const outcome = failedFixture(admittedFixture());
    await harness.outcomes.published([{ outcome, meteredAttempts: [] }]);
    for await (const event of harness.replies.follow(ref, newReaderId(), AbortSignal.timeout(50)))
      expect(event).toBeUndefined();
    expect(await timesToLive(ref)).toEqual([-2, -2, -2]);
  });

  test.each([
    { when: "remembered", remembered: true, deadlineInMs: 0, keptMs: dayMs },
    {
      when: "not remembered",
      remembered: false,
      deadlineInMs: 2 * minuteMs,
      keptMs: 12 * minuteMs,
    },
    {
      when: "published long after its deadline",
      remembered: false,
      deadlineInMs: -dayMs,
      keptMs: minuteMs,
    },
  ])("an answer that is $when is kept for its time from the first publication on", async (kept) => {
    const deadlineAt = Date.now() + kept.deadlineInMs;
    const admitted = admittedFixture({ remembered: kept.remembered, deadlineAt });
    const ref = await admit(harness, admitted);
    const outcome = answeredFixture(admitted, "a dam");
    await harness.outcomes.claim([outcome], "decision");
    await harness.outcomes.published([{ outcome, meteredAttempts: [] }]);
    const [hash, answer] = await timesToLive(ref);
    expect([hash, answer]).toEqual([about(3 * dayMs), about(kept.keptMs)]);
    await redis.pexpire(requests.keysOf(ref)[1], 1_000);
    await harness.outcomes.published([{ outcome, meteredAttempts: [] }]);
    expect((await timesToLive(ref))[1]).toBeLessThanOrEqual(1_000);
  });

  test("a request without a waiting client has no stream", async () => {
    const admitted = admittedFixture({ reply: "none" });
    const ref = await admit(harness, admitted);
    const fence = await beginCall(harness, ref);
    await harness.attempts.append(ref, 1, fence, 0, "a");
    const outcome = answeredFixture(admitted, "a dam");
    await harness.attempts.finish(ref, 1, fence, { metered: meteredFixture(admitted, 1), outcome });
    expect(await redis.exists(requests.keysOf(ref)[2])).toBe(0);
  });

  test("a repeated token is stored once, and a token that was stored twice is read once", async () => {
    const admitted = admittedFixture();
    const ref = await admit(harness, admitted);
    const stream = requests.keysOf(ref)[2];
    const fence = await beginCall(harness, ref);
    for (const sequence of [0, 1, 1, 0])
      await harness.attempts.append(ref, 1, fence, sequence, "a");
    expect(await redis.xlen(stream)).toBe(2);
    await redis.xadd(stream, "*", "attempt", "1", "sequence", "1", "payload", "a");
    const outcome = answeredFixture(admitted, "aa");
    await harness.attempts.finish(ref, 1, fence, { metered: null, outcome });
    const kinds: string[] = [];
    for await (const { kind } of harness.replies.follow(
      ref,
      newReaderId(),
      AbortSignal.timeout(5_000),
    ))
      kinds.push(kind);
    expect(kinds).toEqual(["token", "token", "end"]);
  });

  test("all keys of a tenant are in one slot, and keys of different tenants have different prefixes", () => {
    const keys = requests.keysOf({ tenant: "a", requestId: "r" });
    const tags = [...keys, requests.joinKeyOf("a", "k", "b")].map((key) => /\{.*\}/.exec(key)?.[0]);
    expect(new Set(tags).size).toBe(1);
    expect(requests.keysOf({ tenant: "b", requestId: "r" })[0]).not.toContain(tags[0]);
  });
});

describe("when Redis or a connection fails", () => {
  test("claims continue after the server has lost its scripts", async () => {
    await redis.script("FLUSH");
    const admitted = admittedFixture();
    const outcome = failedFixture(admitted);
    const claims = await harness.outcomes.claim([outcome, outcome], "decision");
    expect(claims.map(({ kind }) => kind)).toEqual(["won", "won"]);
  });

  test("a reader that loses both connections continues without a gap", async () => {
    const own = connectRedis(url, { name: "outcomes-own", commandTimeoutMs: 500 });
    const subscriber = connectSubscriber(url, { name: "outcomes-own-replies" });
    await Promise.all([once(own, "ready"), once(subscriber, "ready")]);
    const replies = new RedisReplies(
      new RedisRequests(own, new InMemoryTopicCodecs(), prefix),
      subscriber,
    );
    const admitted = admittedFixture();
    const ref = await admit(harness, admitted);
    const fence = await beginCall(harness, ref);
    const events: ReplyEvent[] = [];
    const reading = (async () => {
      for await (const event of replies.follow(ref, newReaderId(), AbortSignal.timeout(10_000)))
        events.push(event);
    })();
    const outcome = answeredFixture(admitted, "a dam");
    for (let sequence = 0; sequence < 30; sequence += 1) {
      if (sequence % 10 === 5)
        for (const connection of [own, subscriber])
          await redis.client("KILL", "ID", await idOf(connection));
      await harness.attempts.append(ref, 1, fence, sequence, `token ${sequence}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await harness.attempts.finish(ref, 1, fence, { metered: null, outcome });
    await reading;
    expect(events.slice(0, -1).map((event) => event.kind === "token" && event.sequence)).toEqual(
      Array.from({ length: 30 }, (_, sequence) => sequence),
    );
    expect(events.at(-1)).toEqual({ kind: "end", outcome, isComplete: true });
    await replies.close();
    own.disconnect();
  });

  test("a reader that waits reads once, and not every second", async () => {
    const ref = await admit(harness, admittedFixture({ reply: "whole" }));
    const reads = vi.spyOn(requests, "run");
    for await (const event of harness.replies.follow(
      ref,
      newReaderId(),
      AbortSignal.timeout(2_500),
    ))
      expect(event).toBeUndefined();
    expect(reads).toHaveBeenCalledTimes(1);
    reads.mockRestore();
  });

  test("a reader receives at once what was published while its subscription was broken", async () => {
    const subscriber = connectSubscriber(url, { name: "outcomes-broken-replies" });
    await once(subscriber, "ready");
    const replies = new RedisReplies(requests, subscriber);
    const admitted = admittedFixture({ reply: "whole" });
    const ref = await admit(harness, admitted);
    const reading = replies.follow(ref, newReaderId(), AbortSignal.timeout(8_000));
    const next = reading[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await redis.client("KILL", "ID", await idOf(subscriber));
    const outcome = failedFixture(admitted);
    await harness.outcomes.claim([outcome], "decision");
    const startedAt = performance.now();
    expect(await next).toEqual({ done: false, value: { kind: "end", outcome, isComplete: true } });
    // Far below the interval of the poll.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await replies.close();
  });

  test("a hundred readers share one connection and one subscription", async () => {
    const before = String(await redis.client("LIST"));
    const all = Array.from({ length: 100 }, () => admittedFixture({ reply: "whole" }));
    const outcomes = all.map((admitted) => answeredFixture(admitted, "a dam"));
    await harness.admissions.admit(all.map((admitted) => ({ admitted })));
    const reading = all.map(async (admitted) => {
      for await (const event of harness.replies.follow(
        refOfAdmitted(admitted),
        newReaderId(),
        AbortSignal.timeout(5_000),
      ))
        return event;
      return undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const during = String(await redis.client("LIST"));
    await harness.outcomes.claim(outcomes, "decision");
    expect(await Promise.all(reading)).toEqual(
      outcomes.map((outcome) => ({ kind: "end", outcome, isComplete: true })),
    );
    expect(connectionsIn(during)).toBe(connectionsIn(before));
  });

  test("an attempt whose owner crashed before the call is taken over, and one that crashed during the call is in doubt", async () => {
    const [heldRef, callingRef] = [
      await admit(harness, admittedFixture()),
      await admit(harness, admittedFixture()),
    ];
    await claimAttempt(harness, heldRef, 1, 30);
    await beginCall(harness, callingRef, 1, 30);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const next = (ref: AdmittedRef): Promise<{ kind: string }> =>
      harness.attempts.claim(ref, 1, "owner-b", longLeaseMs, null);
    expect(await next(heldRef)).toMatchObject({ kind: "held", fence: 2 });
    expect(await next(callingRef)).toEqual({ kind: "in-doubt" });
  });
});

async function idOf(connection: Redis): Promise<string> {
  if (connection.status !== "ready") await once(connection, "ready");
  return String(await connection.client("ID"));
}

function connectionsIn(clientList: string): number {
  return clientList.split("name=outcomes-suite").length - 1;
}
