import { deadLetterNameOf, type InferenceAdmitted, topics } from "@sluice/contracts";
import { KafkaTopicAdmin } from "@sluice/stage";
import { SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;
let admissions: TopicReader<InferenceAdmitted>;

beforeAll(async () => {
  suite = await SuiteTopics.open("unwritable");
  [edge, admissions] = await Promise.all([Edge.start(suite.environment), readAdmissions(suite)]);
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
});

async function statusAfterAnswer(content: string): Promise<number> {
  const asking = edge.post(chat(content));
  const outcome = await edge.answer(await admittedFor(admissions, content));
  await edge.fill(outcome);
  return (await asking).status;
}

/** Sends a message that the intake can only dead-letter. */
async function sendGarbage(): Promise<void> {
  const value = Buffer.from("garbage");
  const topic = topics.inferenceRequested.name;
  await suite.producer.send([
    { kind: "dead-letter", topic, key: null, value, headers: {}, partition: 0 },
  ]);
}

test("requests are admitted while savings and dead letters have no topic", async () => {
  expect(await statusAfterAnswer("Known?")).toBe(200);
  const admin = new KafkaTopicAdmin(suite.connection);
  await admin.remove([topics.costMetered.name, deadLetterNameOf(topics.inferenceRequested.name)]);
  await admin.close();
  for (let index = 0; index < 15; index += 1) {
    await sendGarbage();
    const hit = await edge.post(chat("Known?"));
    expect([hit.status, hit.headers.get("x-sluice-cache")]).toEqual([200, "exact"]);
    expect(await statusAfterAnswer(`New ${index}?`)).toBe(200);
  }
});
