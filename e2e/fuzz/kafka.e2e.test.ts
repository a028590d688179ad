import { randomBytes } from "node:crypto";
import {
  allTopics,
  type CostCharged,
  type InferenceAdmitted,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import {
  billBreaches,
  chargeBreaches,
  fetchBill,
  KafkaUser,
  outcomeBreaches,
  type Pipeline,
  serviceNames,
  spentNanoUsd,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MessageOutcomes } from "./message-outcomes.ts";
import { inspectable, LiveMemory } from "./live-memory.ts";
import { type SentMessage, sentMessageOf } from "./sent-message.ts";
import { draftsOf } from "./messages.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_121);
const count = 10_000;
/** All messages of a wave must have an outcome before the next wave is sent, so that the load in flight is bounded. */
const waveSize = 1_000;
const waveMsMax = 30_000;
/** Limit for the growth of a service's live memory during the second half of the load: 1 KiB per message. */
const growthBytesMax = 5 * 1_024 * 1_024;

let pipeline: Pipeline;
let user: KafkaUser;
let admitted: TopicReader<InferenceAdmitted>;
let responded: TopicReader<InferenceResponded>;
let charged: TopicReader<CostCharged>;
let deadLetters: TopicReader<Buffer>;
/** Dead letters of all later topics. There must be none, because the stages can handle every admitted request. */
let laterDeadLetters: readonly TopicReader<Buffer>[];
let outcomes: MessageOutcomes;

beforeAll(async () => {
  pipeline = await startPipeline({
    environment: { ...inspectable, SLUICE_SIMULATOR_SPEED: "100" },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  const { inferenceRequested } = topics;
  const others = allTopics.filter(
    ({ name, deadLetter }) => deadLetter && name !== inferenceRequested.name,
  );
  [admitted, responded, charged, deadLetters, laterDeadLetters] = await Promise.all([
    user.read(topics.inferenceAdmitted),
    user.read(topics.inferenceResponded),
    user.read(topics.costCharged),
    user.readDeadLetters(inferenceRequested),
    Promise.all(others.map((topic) => user.readDeadLetters(topic))),
  ]);
  outcomes = new MessageOutcomes(deadLetters, responded);
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

async function sendWave(wave: readonly SentMessage[]): Promise<void> {
  await Promise.all(wave.map(({ value, headers, key }) => user.send(value, headers, key)));
  await expect
    .poll(() => wave.filter((message) => outcomes.of(message).length === 0).map(described), {
      timeout: waveMsMax,
      interval: 250,
    })
    .toEqual([]);
}

test(
  `each of ${count} seeded messages has one outcome, or becomes one dead letter with its bytes`,
  { timeout: 180_000 },
  async () => {
    process.stderr.write(`fuzz of Kafka: FUZZ_SEED=${seed}\n`);
    const run = randomBytes(3).toString("hex");
    const pids = serviceNames.map((name) => pipeline.identityOf(name).pid);
    const drafts = draftsOf(seed, count);
    const all: SentMessage[] = [];
    const memories = await Promise.all(
      (["ingress", "inference-adapter"] as const).map((name) => LiveMemory.of(pipeline, name)),
    );
    let held: readonly number[] = [];
    for (let from = 0; from < count; from += waveSize) {
      const wave = await Promise.all(
        drafts
          .slice(from, from + waveSize)
          .map((draft, index) => sentMessageOf(user, run, from + index, draft)),
      );
      for (const message of wave) outcomes.track(message);
      all.push(...wave);
      // oxlint-disable-next-line no-await-in-loop -- one wave after the other
      await sendWave(wave);
      if (from + waveSize === count / 2)
        held = await Promise.all(memories.map((memory) => memory.bytes()));
    }
    await expect
      .poll(async () => billBreaches(charged.records, await fetchBill(pipeline.simulator)), {
        timeout: 30_000,
        interval: 500,
      })
      .toEqual([]);
    const grown = await Promise.all(memories.map((memory) => memory.bytes()));
    for (const memory of memories) memory.close();

    process.stderr.write(`${JSON.stringify(tallyOf(all))}\n`);
    expect(all.filter((message) => outcomes.of(message).length !== 1).map(described)).toEqual([]);
    expect(all.filter((message) => outcomes.hasWrongDeadLetter(message)).map(described)).toEqual(
      [],
    );
    const good = all.filter(({ draft }) => draft.kind === "good");
    expect(
      good.filter((message) => outcomes.of(message)[0] !== "completed").map(described),
    ).toEqual([]);
    expect(responded.records.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(laterDeadLetters.flatMap(({ deliveries }) => deliveries)).toEqual([]);
    expect(serviceNames.map((name) => pipeline.identityOf(name).pid)).toEqual(pids);

    expect(outcomeBreaches(admitted.records, responded.records)).toEqual([]);
    expect(chargeBreaches(charged.records)).toEqual([]);
    const { totalNanoUsd } = await fetchBill(pipeline.simulator);
    expect(spentNanoUsd(charged.records)).toBe(totalNanoUsd);
    grown.forEach((bytes, index) => expect(bytes - held[index]!).toBeLessThan(growthBytesMax));
  },
);

function described(message: SentMessage): object {
  return { number: message.number, outcomes: outcomes.of(message), draft: message.draft };
}

/** Counts the messages by kind and outcome. */
function tallyOf(all: readonly SentMessage[]): Readonly<Record<string, number>> {
  const named = all.map(
    (message) => `${message.draft.kind}: ${outcomes.of(message).join(" and ")}`,
  );
  const groups = Map.groupBy(named, (name) => name);
  return Object.fromEntries([...groups].map(([name, same]) => [name, same.length]));
}
