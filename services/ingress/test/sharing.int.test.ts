import { setTimeout as sleep } from "node:timers/promises";
import { type CostMetered, type InferenceAdmitted, topics } from "@sluice/contracts";
import { SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, isAbout, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edges: readonly Edge[];
let admissions: TopicReader<InferenceAdmitted>;
let metered: TopicReader<CostMetered>;

beforeAll(async () => {
  suite = await SuiteTopics.open("sharing");
  edges = await Promise.all([Edge.start(suite.environment), Edge.start(suite.environment)]);
  admissions = await readAdmissions(suite);
  metered = await suite.read(topics.costMetered);
});
afterAll(async () => {
  await Promise.all((edges ?? []).map((edge) => edge.stop()));
  await suite?.close();
});

/** Sends a question many times at once, by turns to each process. */
function ask(content: string, times: number, changed: object = {}): Promise<Response>[] {
  return Array.from({ length: times }, (_, index) =>
    edges[index % edges.length]!.post(chat(content, changed)),
  );
}

test("forty identical requests to two processes are one admission, and all have its answer", async () => {
  const asking = ask("What is shared?", 40);
  const admitted = await admittedFor(admissions, "What is shared?");
  await sleep(500);
  await edges[0]!.answer(admitted);
  const responses = await Promise.all(asking);
  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
  const contents = await Promise.all(responses.map(async (response) => response.json()));
  for (const content of contents)
    expect(content).toMatchObject({ choices: [{ message: { content: "Paris." } }] });
  const caches = responses.map(({ headers }) => headers.get("x-sluice-cache"));
  expect(caches.filter((cache) => cache === "miss")).toHaveLength(1);
  expect(caches.filter((cache) => cache === "exact")).toHaveLength(39);
  expect(admissions.records.filter(isAbout("What is shared?"))).toHaveLength(1);
  const savings = await metered.until(({ kind }) => kind === "saving", 39);
  expect(new Set(savings.map(({ requestId }) => requestId)).size).toBe(39);
}, 30_000);

test("a stream receives the shared answer, and its leader may leave without ending it", async () => {
  const leaving = new AbortController();
  const question = "Who stays?";
  const first = edges[0]!.post(chat(question, { stream: true }), {}, leaving.signal);
  const gone = first.catch(() => "gone");
  const admitted = await admittedFor(admissions, question);
  const second = edges[1]!.post(chat(question, { stream: true }));
  await sleep(700);
  leaving.abort();
  expect(await gone).toBe("gone");
  await sleep(500);
  expect(await edges[0]!.isCancelled(admitted)).toBe(false);
  await edges[0]!.answer(admitted);
  const text = await (await second).text();
  expect(text).toContain("data: [DONE]");
  expect(admissions.records.filter(isAbout(question))).toHaveLength(1);
}, 30_000);

test("requests that may not share are admitted each: another body, or no cache", async () => {
  const asking = [
    ...ask("Alone?", 2, { temperature: 1 }),
    edges[0]!.post(chat("Alone?", { temperature: 0 })),
    edges[1]!.post(chat("Alone?", { temperature: 0.1 })),
  ];
  await expect
    .poll(() => admissions.records.filter(isAbout("Alone?")).length, { timeout: 10_000 })
    .toBe(4);
  for (const admitted of admissions.records.filter(isAbout("Alone?")))
    await edges[0]!.answer(admitted);
  for (const response of await Promise.all(asking)) expect(response.status).toBe(200);
}, 30_000);
