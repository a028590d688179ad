import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Test } from "@nestjs/testing";
import {
  defaultRequirements,
  type InferenceAdmitted,
  type InferenceRequested,
  type InferenceResponded,
  replayHeadersOf,
  SchemaRegistryClient,
  subjectOf,
  topics,
} from "@sluice/contracts";
import { completedOutcome, Outcomes } from "@sluice/request-state";
import { parseConfig } from "@sluice/service-host";
import { EventProducer } from "@sluice/stage";
import {
  ForgetfulProducer,
  KafkaUser,
  suiteKeys,
  SuiteTopics,
  type TopicReader,
} from "@sluice/testing";
import { aCompletion, aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { AppModule } from "../src/app.module.ts";
import { configSchema } from "../src/config.ts";

const replaySecret = "r".repeat(32);
let suite: SuiteTopics;
let service: Awaited<ReturnType<typeof start>>;
let forgetful: ForgetfulProducer;
let acme: KafkaUser;
let globex: KafkaUser;
let labs: KafkaUser;
let former: KafkaUser;
let admissions: TopicReader<InferenceAdmitted>;
let responses: TopicReader<InferenceResponded>;
let letters: TopicReader<Buffer>;

beforeAll(async () => {
  suite = await SuiteTopics.open("intake");
  const { brokers, topicPrefix } = suite.connection;
  const registryUrl = suite.environment["SLUICE_REGISTRY_URL"]!;
  const user = { brokers, topicPrefix, registryUrl };
  acme = new KafkaUser({ ...user, apiKey: suiteKeys.acme });
  globex = new KafkaUser({ ...user, apiKey: suiteKeys.globex });
  labs = new KafkaUser({ ...user, apiKey: suiteKeys.acmeLabs });
  former = new KafkaUser({ ...user, apiKey: suiteKeys.revoked });
  // The first message of each topic is published, but its acknowledgement is lost, so everything is redelivered.
  const { inferenceAdmitted, inferenceResponded } = topics;
  forgetful = new ForgetfulProducer(suite.producer, [inferenceAdmitted, inferenceResponded]);
  [service, admissions, responses, letters] = await Promise.all([
    start(),
    suite.read(inferenceAdmitted),
    suite.read(inferenceResponded),
    suite.readDeadLetters(topics.inferenceRequested),
  ]);
});
afterAll(async () => {
  await service?.close();
  await Promise.all([acme?.close(), globex?.close(), labs?.close(), former?.close()]);
  await suite?.close();
});

async function start() {
  const environment = { ...suite.environment, SLUICE_REPLAY_SECRET: replaySecret };
  const config = parseConfig(configSchema, environment);
  const module = await Test.createTestingModule({ imports: [AppModule.forRoot(config)] })
    .overrideProvider(EventProducer)
    .useValue(forgetful)
    .compile();
  return module.init();
}

function question(changed: Partial<InferenceRequested> = {}): InferenceRequested {
  return aRequest({ requestId: randomUUID(), ...changed });
}

const isOf =
  ({ requestId }: InferenceRequested) =>
  (record: InferenceAdmitted | InferenceResponded) =>
    ("request" in record ? record.request : record).requestId === requestId;

/** Returns the code of the dead letter that has these bytes. */
async function deadLetterCodeOf(value: Buffer): Promise<string | undefined> {
  await letters.until((bytes) => bytes.equals(value));
  const letter = letters.deliveries.find((each) => each.value.equals(value));
  return letter?.headers["dead-letter-code"]?.toString();
}

test("a redelivery publishes the same admission and the same decline again", async () => {
  const good = question();
  const wrong = question({ model: "gpt-17" });
  await acme.request(good);
  await acme.request(wrong);
  const admitted = await admissions.until(isOf(good), 2);
  const declined = await responses.until(isOf(wrong), 2);
  expect(admitted[1]).toEqual(admitted[0]);
  expect(declined[1]).toEqual(declined[0]);
  expect(forgetful.waiting).toEqual([]);
});

test("a user and a feature that the key allows pay, and a name that it does not allow is declined", async () => {
  const named = question({ user: "ada@acme.example", feature: "beta.search" });
  const wrong = question({ user: "eve" });
  await labs.request(named);
  await labs.request(wrong);
  const [admitted] = await admissions.until(isOf(named));
  const payer = { user: "ada@acme.example", feature: "beta.search", team: "labs" };
  expect(admitted?.attribution).toMatchObject(payer);
  const [declined] = await responses.until(isOf(wrong));
  expect(declined).toMatchObject({
    attribution: { user: "bot", feature: "trials" },
    refused: { code: "name_not_allowed", reason: expect.stringContaining("Field 'user'") },
  });
});

test("a signed request is admitted with the attribution of its key", async () => {
  const request = question({ tags: { team: "not-mine" } });
  await globex.request(request, { "correlation-id": "c-7" });
  const [admitted] = await admissions.until(isOf(request));
  expect(admitted).toMatchObject({
    attribution: { tenant: "globex", team: "ops", feature: "tickets", key: "globex" },
    ...{ origin: "kafka", reply: "none", remembered: true, correlationId: "c-7" },
    request,
  });
  // It counts from the append time.
  const leftMs = admitted!.deadlineAt - admitted!.admittedAt;
  expect(leftMs).toBeLessThanOrEqual(10 * 60_000);
  expect(leftMs).toBeGreaterThan(9 * 60_000);
});

test("a message that is not authenticated becomes a dead letter with the reason, and the next message is processed", async () => {
  const forged = await acme.request(question(), { "sluice-signature": "0".repeat(64) });
  const anothers = question();
  const borrowed = await acme.request(anothers, { "sluice-key-id": "globex" });
  const strangers = await acme.request(question(), { "sluice-key-id": "nobody" });
  const revoked = await former.request(question());
  const unsigned = await unsignedValue(question());
  const invalid = await acme.request(question({ requestId: "two words" }));
  const next = question();
  await acme.request(next);

  expect(await deadLetterCodeOf(forged)).toBe("INTAKE_SIGNATURE_WRONG");
  expect(await deadLetterCodeOf(borrowed)).toBe("INTAKE_SIGNATURE_WRONG");
  expect(await deadLetterCodeOf(strangers)).toBe("INTAKE_SIGNATURE_WRONG");
  expect(await deadLetterCodeOf(revoked)).toBe("INTAKE_SIGNATURE_WRONG");
  expect(await deadLetterCodeOf(unsigned)).toBe("INTAKE_UNSIGNED");
  expect(await deadLetterCodeOf(invalid)).toBe("INTAKE_REQUEST_ID_INVALID");
  await admissions.until(isOf(next));
  expect(admissions.records.some(isOf(anothers))).toBe(false);
});

test("a value that is not a record of this topic becomes a dead letter with the same bytes", async () => {
  const { costMetered, inferenceRequested } = topics;
  await suite.codecs.prepare([inferenceRequested]);
  const whole = suite.codecs.encode(inferenceRequested, question());
  const withId = (id: number, body: Buffer) => {
    const envelope = Buffer.alloc(5);
    envelope.writeUInt32BE(id, 1);
    return Buffer.concat([envelope, body]);
  };
  const { topicPrefix } = suite.connection;
  const registry = new SchemaRegistryClient(suite.environment["SLUICE_REGISTRY_URL"]!, topicPrefix);
  const foreignId = (await registry.idOf(costMetered)) ?? 0;
  const announcing = Buffer.from([
    2,
    0x72,
    8,
    ...Buffer.from("auto"),
    0x80,
    0x80,
    0x80,
    0x80,
    0x40,
  ]);
  const bad: readonly (readonly [Buffer, string])[] = [
    [Buffer.from("not Avro"), "CONTRACT_UNDECODABLE"],
    [whole.subarray(0, -3), "CONTRACT_UNDECODABLE"],
    [withId(2_000_000_000, whole.subarray(5)), "CONTRACT_SCHEMA_UNKNOWN"],
    [withId(foreignId, whole.subarray(5)), "CONTRACT_SCHEMA_UNKNOWN"],
    // These few bytes announce 2^33 messages. They once stopped ingress at every restart.
    [withId(whole.readUInt32BE(1), announcing), "CONTRACT_UNDECODABLE"],
    [Buffer.alloc(2 * 1_024 * 1_024 + 1, "x"), "STAGE_MESSAGE_TOO_LONG"],
  ];
  for (const [value] of bad) await acme.send(value, acme.signatureOf(value), "bad");
  const next = question();
  await acme.request(next);
  await admissions.until(isOf(next));
  for (const [value, code] of bad) expect(await deadLetterCodeOf(value)).toBe(code);
});

test("a schema counts only under the subject of its topic, also if it was registered while ingress runs", async () => {
  const subject = subjectOf(suite.connection.topicPrefix, topics.inferenceRequested);
  const elsewhere = await registered(`other-${subject}`, "comment");
  const later = [await registered(subject, "note"), await registered(subject, "remark")];
  await suite.codecs.prepare([topics.inferenceRequested]);
  const sent = async (id: number, request: InferenceRequested) => {
    const whole = suite.codecs.encode(topics.inferenceRequested, request);
    whole.writeUInt32BE(id, 1);
    // The additional field is null.
    const value = Buffer.concat([whole, Buffer.from([0])]);
    await acme.send(value, acme.signatureOf(value), request.requestId);
    return value;
  };
  const refused = await sent(elsewhere, question());
  const requests = [question(), question()];
  await sent(later[0]!, requests[0]!);
  await sent(later[1]!, requests[1]!);
  expect(await deadLetterCodeOf(refused)).toBe("CONTRACT_SCHEMA_UNKNOWN");
  for (const request of requests) await admissions.until(isOf(request));
});

/** Registers the schema of a request with one more field. Returns its id. */
async function registered(subject: string, fieldName: string): Promise<number> {
  const registry = `${suite.environment["SLUICE_REGISTRY_URL"]}/subjects`;
  const own = subjectOf(suite.connection.topicPrefix, topics.inferenceRequested);
  const first = await (await fetch(`${registry}/${own}/versions/1`)).json();
  const schema = recordSchema.parse(
    JSON.parse(z.object({ schema: z.string() }).parse(first).schema),
  );
  schema.fields.push({ name: fieldName, type: ["null", "string"], default: null });
  const response = await fetch(`${registry}/${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  return z.object({ id: z.number() }).parse(await response.json()).id;
}

const recordSchema = z.looseObject({ fields: z.array(z.unknown()) });

test("nothing is decoded and no schema is looked up for a sender without a key", async () => {
  const unknownSchema = Buffer.from([0, 0x70, 0, 0, 1, 2]);
  await acme.send(unknownSchema, {}, "unsigned");
  const forged = Buffer.from([0, 0x70, 0, 0, 2, 2]);
  await acme.send(forged, { ...acme.signatureOf(forged), "sluice-key-id": "globex" }, "forged");
  expect(await deadLetterCodeOf(unknownSchema)).toBe("INTAKE_UNSIGNED");
  expect(await deadLetterCodeOf(forged)).toBe("INTAKE_SIGNATURE_WRONG");
});

test("a message with unusual headers does not stop the messages after it", async () => {
  const odd = { constructor: "a", ["__proto__"]: "b", "correlation-id": "c".repeat(2_000) };
  const request = question();
  await acme.request(request, odd);
  const [declined] = await responses.until(isOf(request));
  expect(declined).toMatchObject({ outcome: "declined", correlationId: null });
  expect(declined!.refused).toMatchObject({
    code: "invalid_header",
    reason: expect.stringContaining("'correlation-id' must have at most 1024 bytes"),
  });
  const forged = await acme.request(question(), { ...odd, "sluice-signature": "0" });
  expect(await deadLetterCodeOf(forged)).toBe("INTAKE_SIGNATURE_WRONG");
  const next = question();
  await acme.request(next);
  await admissions.until(isOf(next));
});

async function unsignedValue(request: InferenceRequested): Promise<Buffer> {
  await suite.codecs.prepare([topics.inferenceRequested]);
  const value = suite.codecs.encode(topics.inferenceRequested, request);
  await acme.send(value, {}, request.requestId);
  return value;
}

test("an old signature is refused, unless its request is known or an operator has replayed the message", async () => {
  await suite.codecs.prepare([topics.inferenceRequested]);
  const encoded = (request: InferenceRequested) =>
    suite.codecs.encode(topics.inferenceRequested, request);
  const anHourAgo = Date.now() - 60 * 60_000;
  const old = question();
  const value = encoded(old);
  await acme.send(value, acme.signatureOf(value, anHourAgo), old.requestId);
  expect(await deadLetterCodeOf(value)).toBe("INTAKE_SIGNATURE_STALE");
  expect(admissions.records.some(isOf(old))).toBe(false);

  const own = acme.signatureOf(value, anHourAgo);
  await acme.send(value, { ...own, "dead-letter-code": "REPLAYED" }, old.requestId);
  await letters.until((bytes) => bytes.equals(value), 2);
  expect(admissions.records.some(isOf(old))).toBe(false);

  const { topicPrefix } = suite.connection;
  const replayed = { topicPrefix, headers: own };
  const proof = replayHeadersOf(replayed, "inference.requested/0/0", replaySecret, Date.now());
  await acme.send(value, { ...own, ...proof }, old.requestId);
  await admissions.until(isOf(old));

  await acme.send(value, acme.signatureOf(value, anHourAgo), old.requestId);
  const next = question();
  await acme.request(next);
  await admissions.until(isOf(next));
  await sleep(500);
  expect(letters.records.filter((each) => each.equals(value))).toHaveLength(2);
});

test("a signature of version 0.1.0 is accepted, and a changed correlation id is not", async () => {
  const first = question();
  const value = await acme.encode(topics.inferenceRequested, first);
  await acme.send(value, acme.firstSignatureOf(value), first.requestId);
  await admissions.until(isOf(first));

  const other = await acme.encode(topics.inferenceRequested, question());
  const signed = acme.signatureOf(other, Date.now(), { "correlation-id": "c-7" });
  await acme.send(other, { ...signed, "correlation-id": "c-8" }, "changed");
  expect(await deadLetterCodeOf(other)).toBe("INTAKE_SIGNATURE_WRONG");
});

test("a message with the id of another body becomes a dead letter without an outcome, so that it does not end that request", async () => {
  const first = question();
  await acme.request(first);
  await admissions.until(isOf(first));
  const other = await acme.request({ ...first, model: "premium" });
  expect(await deadLetterCodeOf(other)).toBe("INTAKE_ANOTHER_BODY");
  expect(responses.records.some(isOf(first))).toBe(false);

  await globex.request(first);
  const [, theirs] = await admissions.until(isOf(first), 2);
  expect(theirs?.attribution.tenant).toBe("globex");
});

const longMessage = { ...aRequest().messages[0]!, content: "x".repeat(800_000) };

test.each<readonly [string, Partial<InferenceRequested>, string, string]>([
  [
    "an unknown parameter",
    { parameters: '{"best_of":2}' },
    "unknown_parameter",
    "'parameters.best_of'. Remove it",
  ],
  [
    "a text of parameters that is not JSON",
    { parameters: "{" },
    "invalid_json",
    "must be a JSON object",
  ],
  [
    "a negative parameter",
    { parameters: '{"max_tokens":-1}' },
    "invalid_value",
    "'parameters.max_tokens'",
  ],
  ["an unknown model", { model: "gpt-17" }, "model_not_found", "GET /v1/models"],
  ["no messages", { messages: [] }, "invalid_value", "'messages': expected at least one"],
  [
    "a tag that the ledger cannot store",
    { tags: { a: "\u0000" } },
    "invalid_value",
    "'tags': expected names",
  ],
  [
    "more than 768 KiB",
    { messages: [longMessage] },
    "body_too_large",
    "786432 are allowed; shorten it",
  ],
  [
    "a deadline that has passed",
    { requirements: { ...defaultRequirements, deadlineAt: Date.now() - 1_000 } },
    "deadline_exceeded",
    "set a later one",
  ],
])(
  "a request with %s is declined with its reason and its correlation id",
  async (_, changed, code, says) => {
    const request = question(changed);
    await acme.request(request, { "correlation-id": "c-8" });
    const [declined] = await responses.until(isOf(request));
    expect(declined).toMatchObject({
      ...{ outcome: "declined", attempts: 0, correlationId: "c-8" },
      refused: { code, reason: expect.stringContaining(says) },
    });
    const delivery = responses.deliveries.find(({ record }) => record === declined);
    expect(delivery?.headers["correlation-id"]?.toString()).toBe("c-8");
    expect(admissions.records.some(isOf(request))).toBe(false);
  },
);

test("a repeat is skipped while its request runs, and answered with the outcome afterwards", async () => {
  const request = question();
  await acme.request(request);
  const [admitted] = await admissions.until(isOf(request));
  await acme.request(request);
  await sleep(800);
  expect(admissions.records.filter(isOf(request))).toHaveLength(1);

  const outcome = completedOutcome(admitted!, {
    ...{ completed: aCompletion(), attempts: 1, lookup: null, decisions: [] },
    completedAt: Date.now(),
  });
  await service.get(Outcomes, { strict: false }).claim([outcome], "decision");
  await acme.request(request);
  expect(await responses.until(isOf(request))).toEqual([outcome]);
});
