import { randomBytes, randomUUID } from "node:crypto";
import { type Topic, topics } from "@sluice/contracts";
import {
  controlSimulator,
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";

/* These tests follow a request's trace in message headers, from the client to the provider and to the charge. */

let pipeline: Pipeline;
let user: KafkaUser;
const readers = new Map<string, TopicReader<unknown>>();

const afterAdmission: readonly Topic<unknown>[] = [
  topics.inferenceAdmitted,
  topics.inferenceMissed,
  topics.inferenceClassified,
  topics.inferenceDispatchedRealtime,
  topics.inferenceAttempted,
  topics.inferenceResponded,
  topics.costMetered,
  topics.costCharged,
];
/** The topics of a request over HTTP, which ingress looks up in the cache itself, are the same. */
const names = afterAdmission.map(({ name }) => name);

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "10" } });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  await Promise.all(
    afterAdmission.map(async (topic) => readers.set(topic.name, await user.readBytes(topic))),
  );
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

interface Carried {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Returns the trace headers of all messages that contain the request id, by topic. */
function carriedFor(requestId: string): ReadonlyMap<string, readonly Carried[]> {
  const found = [...readers].map(([name, { deliveries }]) => {
    const own = deliveries.filter(({ value }) => value.includes(requestId));
    const carried = own.map(({ headers }) => ({
      traceparent: headers["traceparent"]?.toString(),
      tracestate: headers["tracestate"]?.toString(),
    }));
    return [name, carried] as const;
  });
  return new Map(found.filter(([, carried]) => carried.length > 0));
}

async function untilOn(requestId: string, wanted: readonly string[]): Promise<readonly Carried[]> {
  await expect
    .poll(() => [...carriedFor(requestId).keys()], { timeout: 20_000 })
    .toEqual(expect.arrayContaining([...wanted]));
  return [...carriedFor(requestId).values()].flat();
}

async function traceAtProvider(name: string): Promise<unknown> {
  const response = await controlSimulator(pipeline.simulator, `/calls/${name}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator's documented shape
  return ((await response.json()) as { readonly traceparent: unknown }).traceparent;
}

function newTrace(): Carried & { readonly traceparent: string; readonly tracestate: string } {
  const ids = [randomBytes(16), randomBytes(8)].map((id) => id.toString("hex"));
  return { traceparent: `00-${ids.join("-")}-01`, tracestate: "vendor=7" };
}

async function askByHttp(
  content: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly requestId: string; readonly cache: string | null }> {
  const response = await fetch(`${pipeline.http}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${pipeline.demoKey}`,
      ...headers,
    },
    body: JSON.stringify({ model: "auto", messages: [{ role: "user", content }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
  const requestId = response.headers.get("x-sluice-request-id") ?? "";
  return { requestId, cache: response.headers.get("x-sluice-cache") };
}

const newTraceparent = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/;
const kafkaTrace = newTrace();

test("the trace of an HTTP request reaches every topic, the provider and the charge", async () => {
  const trace = newTrace();
  const { requestId } = await askByHttp("Trace me. [[record:http]]", { ...trace });
  const carried = await untilOn(requestId, names);
  expect(new Set(carried.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify(trace)]),
  );
  expect(await traceAtProvider("http")).toBe(trace.traceparent);
});

test("the saving of a hit has the trace of the request that hit, not of the one that was paid", async () => {
  const question = "Trace my hit.";
  await askByHttp(question, { ...newTrace() });
  const trace = newTrace();
  let requestId = "";
  await expect
    .poll(async () => {
      const answer = await askByHttp(question, { ...trace });
      requestId = answer.requestId;
      return answer.cache;
    })
    .toBe("exact");
  const carried = await untilOn(requestId, [topics.costMetered.name, topics.costCharged.name]);
  expect(new Set(carried.map(({ traceparent }) => traceparent))).toEqual(
    new Set([trace.traceparent]),
  );
});

test.each([
  ["no trace", {}],
  ["an invalid trace", { traceparent: "my-own-id", tracestate: "vendor=7" }],
])("an HTTP request with %s gets a new trace", async (name, headers) => {
  const record = `none-${name.length}`;
  const { requestId } = await askByHttp(`Untraced. [[record:${record}]]`, headers);
  const carried = await untilOn(requestId, names);
  const [traceparent, ...others] = new Set(carried.map((each) => each.traceparent));
  expect(others).toEqual([]);
  expect(traceparent).toMatch(newTraceparent);
  expect(carried.every(({ tracestate }) => tracestate === undefined)).toBe(true);
  expect(await traceAtProvider(record)).toBe(traceparent);
});

test.each([
  ["its own trace", kafkaTrace, new RegExp(`^${kafkaTrace.traceparent}$`)],
  ["no trace", {}, newTraceparent],
])(
  "the trace of a Kafka message with %s reaches the provider and the charge",
  async (_, trace, expected) => {
    const [message] = aRequest().messages;
    const requestId = randomUUID();
    const content = `By Kafka ${requestId}. [[record:${requestId}]]`;
    const request = aRequest({ requestId, messages: [{ ...message!, content }] });
    await user.request(request, { ...trace });
    const carried = await untilOn(requestId, names);
    const [traceparent, ...others] = new Set(carried.map((each) => each.traceparent));
    expect(others).toEqual([]);
    expect(traceparent).toMatch(expected);
    expect(await traceAtProvider(requestId)).toBe(traceparent);
  },
);

test("the response to a declined request has the request's trace", async () => {
  const trace = newTrace();
  const requestId = randomUUID();
  await user.request(aRequest({ requestId, parameters: '{"temperature":5}' }), { ...trace });
  const carried = await untilOn(requestId, [topics.inferenceResponded.name]);
  expect(carried).toEqual([trace]);
});
