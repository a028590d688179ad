import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { type Clock, TransientFault } from "@sluice/domain";
import {
  completedOutcome,
  InMemoryAdmissions,
  InMemoryOutcomes,
  InMemoryReplies,
  InMemoryRequests,
  refusedOutcome,
} from "@sluice/request-state";
import {
  type CacheEntry,
  defaultCachePolicy,
  InMemoryExactCache,
  InMemoryFlights,
  lookupOf,
} from "@sluice/response-cache";
import { aCompletion, aMiss, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { SharedAnswers } from "./shared-answers.ts";

const now = anAdmission().admittedAt;
let passedMs = 0;
const clock: Clock = { now: () => now + passedMs };
beforeEach(() => {
  passedMs = 0;
});
const stays = new AbortController().signal;

/** Several ingress processes on one store. */
function withFakes() {
  const requests = new InMemoryRequests(clock);
  const admissions = new InMemoryAdmissions(requests);
  const outcomes = new InMemoryOutcomes(requests);
  const flights = new InMemoryFlights(clock);
  const cache = new InMemoryExactCache(clock);
  const replies = new InMemoryReplies(requests);
  const aProcess = () => new SharedAnswers(flights, cache, replies, clock);
  const admit = (admitted: InferenceAdmitted) => admissions.admit([{ admitted }]);
  const end = (outcome: InferenceResponded) => outcomes.claim([outcome], "decision");
  return { requests, admissions, flights, cache, replies, aProcess, admit, end };
}

function asked(requestId: string, changed: Partial<InferenceAdmitted> = {}): InferenceAdmitted {
  const lookup = { ...aMiss, fills: true };
  return anAdmission({ request: aRequest({ requestId }), lookup, ...changed });
}

function answerTo(admitted: InferenceAdmitted): InferenceResponded {
  const { lookup } = admitted;
  const rest = { attempts: 1, decisions: [], completedAt: now } as const;
  return completedOutcome(admitted, { completed: aCompletion(), lookup, ...rest });
}

function failureOf(admitted: InferenceAdmitted): InferenceResponded {
  return refusedOutcome(admitted, {
    ...{ kind: "failed", code: "provider_failed", reason: "It failed.", attempts: 4 },
    ...{ lookup: admitted.lookup, decisions: [], completedAt: now },
  });
}

const isAnsweredBy = (leader: InferenceAdmitted) => (entry: CacheEntry | undefined) =>
  entry?.requestId === leader.request.requestId;

test("of identical requests in two processes one leads, and its answer is that of all", async () => {
  const { aProcess, admit, end } = withFakes();
  const processes = [aProcess(), aProcess()];
  const all = Array.from({ length: 40 }, (_, index) => asked(`r-${index}`));
  const [leader] = all;
  const follows = all.map((each, index) => processes[index % 2]!.follow(each, stays));
  expect(await follows[0]).toBeUndefined();
  await admit(leader!);
  processes[0]!.noteAdmitted(leader!);
  await end(answerTo(leader!));
  const entries = await Promise.all(follows.slice(1));
  expect(entries.every(isAnsweredBy(leader!))).toBe(true);
});

test("requests that differ in a member that OpenAI's API does not have do not share an answer, and equal ones do", async () => {
  const { aProcess, admit, end } = withFakes();
  const process = aProcess();
  const askedWith = (requestId: string, parameters: string) => {
    const request = aRequest({ requestId, parameters });
    return anAdmission({ request, lookup: lookupOf(request, defaultCachePolicy) });
  };
  const leader = askedWith("r-1", '{"chat_template_kwargs":{"thinking":true},"top_k":5}');
  await process.follow(leader, stays);
  await admit(leader);
  process.noteAdmitted(leader);
  const others = [
    askedWith("r-2", '{"chat_template_kwargs":{"thinking":false},"top_k":5}'),
    askedWith("r-3", '{"chat_template_kwargs":{"thinking":true},"top_k":6}'),
  ];
  for (const other of others) expect(await process.follow(other, stays)).toBeUndefined();
  const equal = askedWith("r-4", '{"top_k":5,"chat_template_kwargs":{"thinking":true}}');
  const follows = process.follow(equal, stays);
  await end(answerTo(leader));
  expect(isAnsweredBy(leader)(await follows)).toBe(true);
});

test("a request that comes after the answer, and before the cache has it, is answered by it, and fills the cache", async () => {
  const { aProcess, admit, end, cache } = withFakes();
  const leader = asked("r-1");
  await aProcess().follow(leader, stays);
  await admit(leader);
  await end(answerTo(leader));
  expect(isAnsweredBy(leader)(await aProcess().follow(asked("r-2"), stays))).toBe(true);
  const stored = await cache.find([{ tenant: "acme", ...placeOf(leader) }]);
  expect([...stored.values()].map(({ requestId }) => requestId)).toEqual(["r-1"]);
});

test("followers of a request that fails are admitted, and do not wait for each other", async () => {
  const { aProcess, admit, end, flights } = withFakes();
  const shared = aProcess();
  const leader = asked("r-0");
  await shared.follow(leader, stays);
  const follows = ["r-1", "r-2", "r-3"].map((id) => shared.follow(asked(id), stays));
  await admit(leader);
  await end(failureOf(leader));
  expect(await Promise.all(follows)).toEqual([undefined, undefined, undefined]);
  expect(await shared.follow(asked("r-4"), stays)).toBeUndefined();
  expect(await flights.leaderOf({ tenant: "acme", ...placeOf(leader) })).toBe("r-4");
});

test("requests that come after a leader without followers has failed share one new call", async () => {
  const { aProcess, admit, end } = withFakes();
  const shared = aProcess();
  const alone = asked("r-0");
  await shared.follow(alone, stays);
  await admit(alone);
  shared.noteAdmitted(alone);
  await end(failureOf(alone));
  passedMs = 1_000;
  const admittedAt = now + passedMs;
  const [next, ...others] = ["r-1", "r-2", "r-3"].map((id) => asked(id, { admittedAt }));
  const leads = shared.follow(next!, stays);
  const follows = others.map((each) => shared.follow(each, stays));
  expect(await leads).toBeUndefined();
  await admit(next!);
  shared.noteAdmitted(next!);
  await end({ ...answerTo(next!), completedAt: admittedAt + 1 });
  expect((await Promise.all(follows)).every(isAnsweredBy(next!))).toBe(true);
});

test("a follower, or a repeat of the leader, that is not admitted does not end the leader's lead", async () => {
  const { aProcess, admit, end, flights } = withFakes();
  const shared = aProcess();
  const leader = asked("r-0");
  await shared.follow(leader, stays);
  const patient = shared.follow(asked("r-1"), stays);
  const leaving = new AbortController();
  const left = shared.follow(asked("r-2"), leaving.signal);
  leaving.abort();
  expect(await left).toBeUndefined();
  shared.abandon(asked("r-2"));
  await admit(leader);
  shared.noteAdmitted(leader);
  shared.abandon(leader);
  expect(await flights.leaderOf({ tenant: "acme", ...placeOf(leader) })).toBe("r-0");
  // From here on, only the process knows who leads.
  Object.assign(flights, { lead: () => Promise.reject(new Error("late")) });
  const later = shared.follow(asked("r-3"), stays);
  await end(answerTo(leader));
  expect((await Promise.all([patient, later])).every(isAnsweredBy(leader))).toBe(true);
});

test("a request that was not admitted leads no longer, and a follower leads instead of it", async () => {
  const { aProcess, admit, end } = withFakes();
  const [here, there] = [aProcess(), aProcess()];
  const lost = asked("r-0");
  await here.follow(lost, stays);
  const next = there.follow(asked("r-1"), stays);
  here.abandon(lost);
  expect(await next).toBeUndefined();
  const third = here.follow(asked("r-2"), stays);
  await admit(asked("r-1"));
  await end(answerTo(asked("r-1")));
  expect(isAnsweredBy(asked("r-1"))(await third)).toBe(true);
});

test("a client that leaves, or whose deadline passes, waits no longer, and the others do", async () => {
  const { aProcess, admit, end } = withFakes();
  const shared = aProcess();
  const leader = asked("r-0");
  await shared.follow(leader, stays);
  const leaving = new AbortController();
  const left = shared.follow(asked("r-1"), leaving.signal);
  const late = shared.follow(asked("r-2", { deadlineAt: now + 20 }), stays);
  const patient = shared.follow(asked("r-3"), stays);
  leaving.abort();
  expect(await Promise.all([left, late])).toEqual([undefined, undefined]);
  await admit(leader);
  await end(answerTo(leader));
  expect(isAnsweredBy(leader)(await patient)).toBe(true);
});

test.each([
  ["bypasses the cache", { lookup: { ...aMiss, result: "bypass", fills: true } }],
  ["may not fill the cache", { lookup: { ...aMiss, fills: false } }],
  ["was not looked up", { lookup: null }],
] as const)("a request that %s neither leads nor follows", async (_, changed) => {
  const { aProcess, flights } = withFakes();
  const shared = aProcess();
  expect(await shared.follow(asked("r-1", changed), stays)).toBeUndefined();
  expect(await shared.follow(asked("r-2", changed), stays)).toBeUndefined();
  expect(await flights.leaderOf({ tenant: "acme", ...placeOf(asked("r-1")) })).toBeNull();
});

describe("while the cache's Redis is unavailable", () => {
  function withoutRedis() {
    const fakes = withFakes();
    const outage = async (): Promise<never> => {
      throw new TransientFault("REDIS_UNAVAILABLE", "Redis did not answer.");
    };
    Object.assign(fakes.flights, { lead: outage, leaderOf: outage, extend: outage, end: outage });
    return { ...fakes, shared: fakes.aProcess() };
  }

  test("the requests of a process still share a call", async () => {
    const { shared, admit, end } = withoutRedis();
    const leader = asked("r-0");
    expect(await shared.follow(leader, stays)).toBeUndefined();
    shared.noteAdmitted(leader);
    const follower = shared.follow(asked("r-1"), stays);
    await admit(leader);
    await end(answerTo(leader));
    expect(isAnsweredBy(leader)(await follower)).toBe(true);
  });

  test("followers of a request that was not admitted are admitted at once, and later ones follow the next leader", async () => {
    const { shared, admit, end } = withoutRedis();
    const lost = asked("r-0");
    await shared.follow(lost, stays);
    const followers = [shared.follow(asked("r-1"), stays), shared.follow(asked("r-2"), stays)];
    shared.abandon(lost);
    expect(await followers[0]).toBeUndefined();
    const next = asked("r-1");
    await admit(next);
    shared.noteAdmitted(next);
    const later = shared.follow(asked("r-3"), stays);
    await end(answerTo(next));
    expect(isAnsweredBy(next)(await followers[1])).toBe(true);
    expect(isAnsweredBy(next)(await later)).toBe(true);
  });
});

test("a leader whose client leaves is not cancelled while a follower waits that came before the admission", async () => {
  const { aProcess, admissions, replies, requests } = withFakes();
  const shared = aProcess();
  const leader = asked("r-0");
  await shared.follow(leader, stays);
  const follower = shared.follow(asked("r-1"), stays);
  await sleep(400);
  await admissions.admit([{ admitted: leader, reader: { id: "client", listener: "in-memory" } }]);
  shared.noteAdmitted(leader);
  await sleep(0);
  const ref = { tenant: "acme", requestId: "r-0" };
  await replies.cancel(ref, "client");
  expect(requests.find(ref)?.cancelled).toBe(false);
  void follower;
});

test("a follower keeps half of its time for a call of its own, and a stop ends its wait", async () => {
  const { aProcess } = withFakes();
  const shared = aProcess();
  await shared.follow(asked("r-0"), stays);
  const startedAt = performance.now();
  expect(await shared.follow(asked("r-1", { deadlineAt: now + 1_601 }), stays)).toBeUndefined();
  expect(performance.now() - startedAt).toBeLessThan(1_500);
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const waiting = shared.follow(asked("r-2"), stays);
  shared.onModuleDestroy();
  vi.advanceTimersByTime(4_000);
  vi.useRealTimers();
  expect(await waiting).toBeUndefined();
  expect(shared.isStopping).toBe(true);
});

test("a leader that the store has forgotten is followed until its deadline, and not longer", async () => {
  const { aProcess, flights } = withFakes();
  const shared = aProcess();
  const leader = asked("r-0");
  await shared.follow(leader, stays);
  shared.noteAdmitted(leader);
  passedMs = leader.deadlineAt - now + 1;
  const next = asked("r-1", { deadlineAt: leader.deadlineAt + 60_000 });
  expect(await shared.follow(next, stays)).toBeUndefined();
  expect(await flights.leaderOf({ tenant: "acme", ...placeOf(next) })).toBe("r-1");
}, 5_000);

test("a request with tools neither leads nor follows, because a call of a tool cannot be shared", async () => {
  const { aProcess, flights } = withFakes();
  const parameters = '{"tools":[{"type":"function"}]}';
  const request = asked("r-1", { request: aRequest({ requestId: "r-1", parameters }) });
  expect(await aProcess().follow(request, stays)).toBeUndefined();
  expect(await flights.leaderOf({ tenant: "acme", ...placeOf(request) })).toBeNull();
});

function placeOf({ lookup }: InferenceAdmitted) {
  return { namespace: lookup!.namespace, cacheKey: lookup!.cacheKey };
}
