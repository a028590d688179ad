import { setTimeout as sleep } from "node:timers/promises";
import { type CostMetered, type InferenceAdmitted, topics } from "@sluice/contracts";
import { suiteKeys, SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, isAbout, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;
let admissions: TopicReader<InferenceAdmitted>;
let metered: TopicReader<CostMetered>;

beforeAll(async () => {
  suite = await SuiteTopics.open("chat");
  [edge, admissions, metered] = await Promise.all([
    Edge.start(suite.environment),
    readAdmissions(suite),
    suite.read(topics.costMetered),
  ]);
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
});

async function contentOf(response: Response): Promise<string | undefined> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's answer
  const body = (await response.json()) as {
    readonly choices: readonly { readonly message: { readonly content: string } }[];
  };
  return body.choices[0]?.message.content;
}

async function codeOf(response: Response): Promise<string> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope
  return ((await response.json()) as { readonly error: { readonly code: string } }).error.code;
}

/** Counts the admissions of a question, after a wait in which a wrong one would have arrived. */
async function admittedTimes(content: string): Promise<number> {
  await sleep(500);
  return admissions.records.filter(isAbout(content)).length;
}

test("a user and a feature that the key allows pay, and a name that it does not allow is refused", async () => {
  const labs = { authorization: `Bearer ${suiteKeys.acmeLabs}` };
  const named = { "x-sluice-user": "ada@acme.example", "x-sluice-feature": "beta.search" };
  const asking = edge.post(chat("Who is named?"), { ...labs, ...named });
  const admitted = await admittedFor(admissions, "Who is named?");
  const { attribution } = admitted;
  expect(attribution).toMatchObject({ user: "ada@acme.example", feature: "beta.search" });
  await edge.answer(admitted);
  expect((await asking).status).toBe(200);
  const refused = await edge.post(chat("Who?"), { ...labs, "x-sluice-user": "eve" });
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    { error: { code: "name_not_allowed", param: "x-sluice-user" } },
  ]);
});

test("an admitted request has the attribution of its key, and the answer shows its cost", async () => {
  const asking = edge.post(chat("Who pays?", { user: "somebody-else" }), {
    "x-sluice-session": "s-1",
  });
  const admitted = await admittedFor(admissions, "Who pays?");
  expect(admitted).toMatchObject({
    attribution: { tenant: "acme", team: "search", feature: "answers", user: "bot", key: "acme" },
    origin: "http",
    reply: "whole",
    remembered: false,
    request: { sessionId: "s-1", parameters: '{"user":"somebody-else"}' },
    lookup: { result: "miss" },
  });
  await edge.answer(admitted);
  const response = await asking;
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "x-sluice-request-id": admitted.request.requestId,
    "x-sluice-cache": "miss",
    "x-sluice-model": "small",
    "x-sluice-tier": "economy",
    "x-sluice-cost-usd": "0.0000033",
  });
  expect(await contentOf(response)).toBe("Paris.");
});

test("a declined request is answered with the status of its code, and with a header that stops SDKs from repeating it", async () => {
  const asking = edge.post(chat("Too expensive?"));
  await edge.decline(await admittedFor(admissions, "Too expensive?"), "budget_exceeded");
  const response = await asking;
  expect([response.status, await codeOf(response)]).toEqual([402, "budget_exceeded"]);
  expect(response.headers.get("x-should-retry")).toBe("false");
});

test("a repeat with the same key receives the finished answer, and another body is a conflict", async () => {
  const key = { "idempotency-key": "order-1" };
  const asking = edge.post(chat("Once?"), key);
  await edge.answer(await admittedFor(admissions, "Once?"));
  expect(await contentOf(await asking)).toBe("Paris.");

  const again = await edge.post(chat("Once?"), key);
  expect([again.status, await contentOf(again)]).toEqual([200, "Paris."]);
  const other = await edge.post(chat("Twice?"), key);
  expect(other.status).toBe(409);
  expect(await other.json()).toMatchObject({
    error: {
      ...{ code: "idempotency_conflict", param: "idempotency-key" },
      message: expect.stringContaining("use a new key"),
    },
  });
  expect(other.headers.get("x-should-retry")).toBe("false");
  expect(await admittedTimes("Once?")).toBe(1);
  expect(await admittedTimes("Twice?")).toBe(0);
});

test("a key of another team with the same idempotency key is another request", async () => {
  const key = { "idempotency-key": "order-2" };
  const asking = edge.post(chat("Ours?"), key);
  const ours = await admittedFor(admissions, "Ours?");
  const labs = { ...key, authorization: `Bearer ${suiteKeys.acmeLabs}` };
  const theirsAsking = edge.post(chat("Theirs?"), labs);
  const theirs = await admittedFor(admissions, "Theirs?");
  expect(theirs.request.requestId).not.toBe(ours.request.requestId);
  await Promise.all([edge.answer(ours), edge.answer(theirs)]);
  expect([(await asking).status, (await theirsAsking).status]).toEqual([200, 200]);
});

test("a repeat joins the request that runs, and both receive its one answer", async () => {
  const key = { "idempotency-key": "order-3" };
  const first = edge.post(chat("Still there?"), key);
  const admitted = await admittedFor(admissions, "Still there?");
  const second = edge.post(chat("Still there?"), key);
  expect(await admittedTimes("Still there?")).toBe(1);
  await edge.answer(admitted);
  const ids = (await Promise.all([first, second])).map((each) =>
    each.headers.get("x-sluice-request-id"),
  );
  expect(ids).toEqual([admitted.request.requestId, admitted.request.requestId]);
});

test("an SDK's own retry joins without a key, and a new request with the same body does not", async () => {
  const retry = { "x-stainless-retry-count": "1" };
  const first = edge.post(chat("Hello?", { temperature: 1 }));
  const admitted = await admittedFor(admissions, "Hello?");
  const second = edge.post(chat("Hello?", { temperature: 1 }), retry);
  // The tenant is the same, so only the key is different.
  const ofAnother = edge.post(chat("Hello?", { temperature: 1 }), {
    ...retry,
    authorization: `Bearer ${suiteKeys.acmeLabs}`,
  });
  await admissions.until(isAbout("Hello?"), 2);
  expect(await admittedTimes("Hello?")).toBe(2);
  await edge.answer(admitted);
  expect((await second).headers.get("x-sluice-request-id")).toBe(admitted.request.requestId);

  const newRequest = edge.post(chat("Hello?", { temperature: 1 }));
  const all = await admissions.until(isAbout("Hello?"), 3);
  await Promise.all(all.slice(1).map((each) => edge.answer(each)));
  expect((await newRequest).headers.get("x-sluice-request-id")).not.toBe(
    admitted.request.requestId,
  );
  expect([(await first).status, (await ofAnother).status]).toEqual([200, 200]);
});

test("an exact hit is answered without Kafka, and its saving is published after the answer", async () => {
  const asking = edge.post(chat("Cached?"));
  await edge.fill(await edge.answer(await admittedFor(admissions, "Cached?")));
  await asking;

  const hit = await edge.post(chat("Cached?"));
  expect([hit.headers.get("x-sluice-cache"), hit.headers.get("x-sluice-cost-usd")]).toEqual([
    "exact",
    "0.00",
  ]);
  expect(await contentOf(hit)).toBe("Paris.");
  const requestId = hit.headers.get("x-sluice-request-id");
  const [saving] = await metered.until((each) => each.requestId === requestId);
  expect(saving).toMatchObject({ kind: "saving", attemptNumber: 0, cache: "exact" });
  expect(await admittedTimes("Cached?")).toBe(1);

  const stranger = edge.post(chat("Cached?"), { authorization: `Bearer ${suiteKeys.globex}` });
  const [, theirs] = await admissions.until(isAbout("Cached?"), 2);
  expect(theirs?.attribution.tenant).toBe("globex");
  await edge.answer(theirs!);
  expect((await stranger).headers.get("x-sluice-cache")).toBe("miss");
});

test("a repeat of a hit with an idempotency key receives the same hit, and the saving is published once", async () => {
  const key = { "idempotency-key": "order-4" };
  const hit = await edge.post(chat("Cached?"), key);
  const repeat = await edge.post(chat("Cached?"), key);
  const id = hit.headers.get("x-sluice-request-id");
  expect(repeat.headers.get("x-sluice-request-id")).toBe(id);
  expect(repeat.headers.get("x-sluice-cache")).toBe("exact");
  await metered.until((each) => each.requestId === id);
  await sleep(300);
  expect(metered.records.filter((each) => each.requestId === id)).toHaveLength(1);
});

test("a request with no-store is neither answered from the cache nor stored in it", async () => {
  const asking = edge.post(chat("Cached?"), { "x-sluice-cache": "no-store" });
  const [, , third] = await admissions.until(isAbout("Cached?"), 3);
  expect(third?.lookup).toMatchObject({ result: "bypass", fills: false });
  await edge.answer(third!, { cache: "bypass" });
  expect((await asking).headers.get("x-sluice-cache")).toBe("bypass");
});
