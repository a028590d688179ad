import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CostCharged,
  defaultRequest,
  type InferenceResponded,
  subjectOf,
  topics,
} from "@sluice/contracts";
import {
  billBreaches,
  chargeBreaches,
  fetchBill,
  KafkaUser,
  limitBreaches,
  type Pipeline,
  serviceNames,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CostBounds } from "./cost-bounds.ts";
import { costProbesOf, harmlessProbesOf } from "./cost-probes.ts";
import { forgedReplaysOf } from "./forged-replays.ts";
import { hostileMessagesOf } from "./hostile-messages.ts";
import { registerHostileSchemas } from "./hostile-schemas.ts";
import { askSteadily, p95Of } from "./steady-neighbour.ts";

const seed = Number(process.env["HOSTILE_SEED"] ?? 20_261_126);
const messageCount = 10_000;
/** Each is asked twice: to learn its worst case, and with exactly that as its limit. */
const probeCount = 5_000;
const replayCount = 1_000;
/** How long the attack takes at least. It sends at even rates, because any load would use up a machine. */
const attackMs = 150_000;
/** How long the same requests with harmless texts are sent before, at the same rate. */
const harmlessMs = 20_000;
const neighbourMs = 100;
/** What other programs of the machine may add to a P95. The attacks that this suite repeats once stopped all tenants for 25 s and more. */
const noiseMs = 1_000;

const attackerSecret = "the-attackers-own-secret";
const local = readFileSync(new URL("../../infra/local/sluice.yaml", import.meta.url), "utf8");
const declarations = local.replace(
  "providers:\n",
  `  - id: attacker
    keys: [{ id: attacker, secret: env:ATTACKER_SECRET, team: red, feature: attack, user: bot }]

providers:
`,
);

let pipeline: Pipeline;
let attacker: KafkaUser;
let charged: TopicReader<CostCharged>;
let responded: TopicReader<InferenceResponded>;
let letters: TopicReader<Buffer>;
let registryUrl: string;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations,
    environment: { ATTACKER_SECRET: attackerSecret, SLUICE_SIMULATOR_SPEED: "100" },
  });
  const addresses = stackAddresses();
  ({ registryUrl } = addresses);
  const { brokers } = addresses;
  const { topicPrefix } = pipeline;
  const apiKey = `sk-sluice-attacker-${attackerSecret}`;
  attacker = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  [charged, responded, letters] = await Promise.all([
    attacker.read(topics.costCharged),
    attacker.read(topics.inferenceResponded),
    attacker.readDeadLetters(topics.inferenceRequested),
  ]);
});
afterAll(async () => {
  await attacker?.close();
  await pipeline?.stop();
});

/** Runs `send` for each item at an even rate over the time of the attack. */
async function evenly<T>(items: readonly T[], send: (item: T, index: number) => Promise<void>) {
  const startedAt = performance.now();
  const sent: Promise<void>[] = [];
  for (const [index, item] of items.entries()) {
    const dueAt = startedAt + (index * attackMs) / items.length;
    // oxlint-disable-next-line no-await-in-loop -- the rate is the point
    await sleep(Math.max(0, dueAt - performance.now()));
    sent.push(send(item, index));
  }
  await Promise.all(sent);
}

test(
  "hostile schemas, exceeded bounds and forged replays cost their sender only",
  { timeout: 400_000 },
  async () => {
    process.stderr.write(`hostile suite: HOSTILE_SEED=${seed}\n`);
    const pids = serviceNames.map((service) => pipeline.identityOf(service).pid);
    const subject = subjectOf(pipeline.topicPrefix, topics.inferenceRequested);
    const ids = await registerHostileSchemas({ registryUrl, name: subject });
    const whole = await attacker.encode(topics.inferenceRequested, aRequest(defaultRequest));
    const messages = hostileMessagesOf(seed, messageCount, ids, whole.subarray(5));
    const replays = await forgedReplaysOf(attacker, seed, replayCount);
    const apiKey = `sk-sluice-attacker-${attackerSecret}`;
    const harmless = new CostBounds(pipeline.http, apiKey);
    const bounds = new CostBounds(pipeline.http, apiKey);

    const harmlessProbes = harmlessProbesOf(Math.round((probeCount * harmlessMs) / attackMs));
    // The first requests meet code that is not compiled yet.
    await harmless.probe(harmlessProbes, harmlessMs);
    const control = await neighbourDuring(() => harmless.probe(harmlessProbes, harmlessMs));
    const attacked = await neighbourDuring(() =>
      Promise.all([
        evenly(messages, ({ value, isSigned }, index) =>
          attacker.send(value, isSigned ? attacker.signatureOf(value) : {}, `message ${index}`),
        ),
        bounds.probe(costProbesOf(seed, probeCount), attackMs),
        evenly(replays, ({ value, headers, key }) => attacker.send(value, headers, key)),
      ]),
    );
    report(control.latenciesMs, attacked.latenciesMs, bounds);

    expect(attacked.failures).toEqual([]);
    const bearableMs = 2 * p95Of(control.latenciesMs) + noiseMs;
    expect(p95Of(attacked.latenciesMs)).toBeLessThan(bearableMs);
    expect(serviceNames.map((service) => pipeline.identityOf(service).pid)).toEqual(pids);

    await expect
      .poll(async () => billBreaches(charged.records, await fetchBill(pipeline.simulator)), {
        timeout: 60_000,
        interval: 500,
      })
      .toEqual([]);
    expect(chargeBreaches(charged.records)).toEqual([]);
    expect(bounds.unexpected.slice(0, 5)).toEqual([]);
    // Otherwise nothing was tried.
    expect(bounds.accepted.size).toBeGreaterThan(probeCount / 2);
    expect(limitBreaches(bounds.accepted, charged.records)).toEqual([]);

    // Ingress reads on, and whatever was not signed, or too long ago, became a dead letter with its bytes.
    const last = aRequest({ requestId: randomUUID() });
    await attacker.request(last);
    const answer = await responded.until(({ requestId }) => requestId === last.requestId);
    expect(answer[0]).toMatchObject({ outcome: "completed" });
    const unsigned = messages.filter(({ isSigned }) => !isSigned);
    expect(withoutLetter(unsigned, "INTAKE_UNSIGNED")).toEqual([]);
    expect(withoutLetter(replays, "INTAKE_SIGNATURE_STALE")).toEqual([]);
  },
);

/** Returns those of the messages that did not become a dead letter with this code. */
function withoutLetter(messages: readonly { readonly value: Buffer }[], code: string) {
  const found = letters.deliveries.filter(
    ({ headers }) => headers["dead-letter-code"]?.toString() === code,
  );
  const values = new Set(found.map(({ value }) => value.toString("base64")));
  return messages.filter(({ value }) => !values.has(value.toString("base64"))).slice(0, 3);
}

/** Lets the other tenant ask while something happens, and reports how it was served. */
async function neighbourDuring(run: () => Promise<unknown>) {
  const stop = new AbortController();
  const neighbour = askSteadily(pipeline.http, pipeline.demoKey, neighbourMs, stop.signal);
  await run().finally(() => stop.abort());
  return neighbour;
}

function report(control: readonly number[], attacked: readonly number[], bounds: CostBounds) {
  const shown = (values: readonly number[]) => `${p95Of(values).toFixed(0)} ms of ${values.length}`;
  process.stderr.write(
    `P95 of the neighbour: during harmless requests ${shown(control)}, attacked ${shown(attacked)}; ${bounds.accepted.size} requests at their bound\n`,
  );
}
