import { randomUUID } from "node:crypto";
import type { KafkaUser } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";

/** The status and body of a response. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface TrafficTarget {
  readonly http: string;
  readonly apiKey: string;
  /** A random text that is in every prompt and nowhere else. */
  readonly canary: string;
  /** The secret part of a wrong API key. */
  readonly wrongSecret: string;
}

/** Makes one call for each kind of HTTP answer and refusal. Every body that can contain a prompt contains the canary. */
export async function askByHttp(target: TrafficTarget): Promise<ReadonlyMap<string, HttpAnswer>> {
  const { canary } = target;
  const post = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    postChat(target, JSON.stringify(body), headers);
  const say = (text: string, rest: object = {}) => ({
    model: "auto",
    messages: [{ role: "user", content: `${canary} ${text}` }],
    ...rest,
  });
  const once = { "idempotency-key": randomUUID() };
  const hit = say("Which river is the longest?");
  const calls: readonly (readonly [string, () => Promise<HttpAnswer>])[] = [
    ["whole", () => post(hit)],
    ["stream", () => post(say("Tell a story.", { stream: true }))],
    ["key-first", () => post(say("Once."), once)],
    ["key-conflict", () => post(say("Else."), once)],
    ["bad-json", () => postChat(target, `{"messages": ${canary}`, {})],
    ["bad-json-late", () => postChat(target, `${JSON.stringify(hit)} ${canary}`, {})],
    ["no-messages", () => post({ model: "auto", prompt: canary })],
    ["unknown-parameter", () => post(say("Hm.", { not_known: canary }))],
    ["bad-value", () => post(say("Hm.", { temperature: canary }))],
    ["bad-role", () => post({ model: "auto", messages: [{ role: canary, content: canary }] })],
    ["bad-header", () => post(say("Hm."), { "x-sluice-cache": canary })],
    ["unknown-model", () => post(say("Hm.", { model: "gpt-nowhere" }))],
    ["too-large", () => post(say(canary.repeat(40_000)))],
    ["wrong-type", () => post(say("Hm."), { "content-type": "text/plain" })],
    ["wrong-key", () => post(say("Hm."), bearer(`sk-sluice-demo-${target.wrongSecret}`))],
    ["unknown-key", () => post(say("Hm."), bearer(`sk-sluice-nobody-${target.wrongSecret}`))],
    ["no-key", () => post(say("Hm."), { authorization: "" })],
    ["failing", () => post(say("[[fault:500]]", { model: "premium" }))],
    ["failing-stream", () => post(say("[[fault:500]] s", { model: "premium", stream: true }))],
    ["busy-once", () => post(say("[[fault:429 times=1]]"))],
    ["cut", () => post(say("[[fault:cut-stream]]", { model: "premium", stream: true }))],
    ["late", () => post(say("[[fault:hang]]"), { "x-sluice-deadline": "1" })],
    ["hit", () => post(hit)],
  ];
  const answers = new Map<string, HttpAnswer>();
  // The calls are sequential, because the last call must be a hit on the answer to the first call.
  for (const [name, call] of calls) answers.set(name, await call());
  return answers;
}

/** Sends valid and invalid messages to Kafka. Returns the ids of the requests that will get a response. */
export async function askByKafka(user: KafkaUser, canary: string): Promise<ReadonlySet<string>> {
  const [message] = aRequest().messages;
  const ask = (text: string, rest: object = {}) =>
    aRequest({
      requestId: randomUUID(),
      messages: [{ ...message!, content: `${canary} ${text}` }],
      ...rest,
    });
  const plain = ask("By Kafka.");
  const failing = ask("By Kafka. [[fault:500]]", { model: "premium" });
  const declined = ask("By Kafka, too hot.", { parameters: '{"temperature":5}' });
  const unreadable = ask("By Kafka, no JSON.", { parameters: `{"stop":${canary}` });
  for (const request of [failing, declined, unreadable]) await user.request(request);
  const value = await user.request(plain);

  await user.request(ask("Forged."), { "sluice-signature": "0".repeat(64) });
  await user.request({ ...plain, messages: ask("Another's.").messages });
  await user.send(Buffer.from(`no Avro at all: ${canary}`), {}, "garbage");
  const half = value.subarray(0, value.indexOf(canary) + canary.length);
  await user.send(half, user.signatureOf(half), "half");
  return new Set([plain, failing, declined, unreadable].map(({ requestId }) => requestId));
}

async function postChat(
  { http, apiKey }: TrafficTarget,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const response = await fetch(`${http}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(apiKey), ...headers },
    body,
  });
  // A cut stream may end with a connection error instead of an HTTP response.
  const text = await response.text().catch((error: unknown) => String(error));
  return { status: response.status, body: text };
}

function bearer(apiKey: string): { readonly authorization: string } {
  return { authorization: `Bearer ${apiKey}` };
}
