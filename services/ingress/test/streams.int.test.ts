import type { InferenceAdmitted } from "@sluice/contracts";
import { SuiteTopics, type TopicReader } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;
let admissions: TopicReader<InferenceAdmitted>;

beforeAll(async () => {
  suite = await SuiteTopics.open("streams");
  [edge, admissions] = await Promise.all([Edge.start(suite.environment), readAdmissions(suite)]);
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
});

interface Chunk {
  readonly id?: string;
  readonly object?: string;
  readonly choices?: readonly {
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: { readonly total_tokens: number };
  readonly sluice?: { readonly cost_usd: string };
  readonly error?: { readonly code: string };
}

const streamed = (content: string, changed: object = {}) =>
  chat(content, { stream: true, ...changed });

/** Parses the data of every event, except `[DONE]`. */
function eventsOf(text: string): readonly (Chunk | "[DONE]")[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => event.replace(/^data: /, ""))
    .map((data) => (data === "[DONE]" ? data : JSON.parse(data)));
}

function textOf(events: readonly (Chunk | "[DONE]")[]): string {
  const chunks = events.filter((event) => event !== "[DONE]");
  return chunks.map(({ choices }) => choices?.[0]?.delta.content ?? "").join("");
}

test("tokens are streamed as they arrive, each once, and the usage chunk follows if it is requested", async () => {
  const asking = edge.post(streamed("Live?", { stream_options: { include_usage: true } }));
  const admitted = await admittedFor(admissions, "Live?");
  expect(admitted.reply).toBe("live");
  const call = await edge.call(admitted);
  await call.send("Pa");
  const response = await asking;
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(response.headers.get("x-sluice-model")).toBe("small");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  expect(textOf(eventsOf(first.value ?? ""))).toBe("Pa");

  await call.send("ris.");
  await call.finish();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rest += value;
  }
  const events = eventsOf(rest);
  expect(textOf(events)).toBe("ris.");
  expect(events.at(-1)).toBe("[DONE]");
  expect(events.at(-2)).toMatchObject({
    choices: [],
    usage: { total_tokens: 16 },
    sluice: { cost_usd: "0.0000033", cache: "miss" },
  });
});

test("a whole answer is sent as a stream if the client requested one", async () => {
  const asking = edge.post(streamed("Whole?"));
  await edge.answer(await admittedFor(admissions, "Whole?"));
  const events = eventsOf(await (await asking).text());
  expect(textOf(events)).toBe("Paris.");
  const chunks = events.filter((event) => event !== "[DONE]");
  expect(chunks.map(({ object }) => object)).toEqual(
    Array.from({ length: 2 }, () => "chat.completion.chunk"),
  );
  expect(chunks.at(-1)?.choices?.[0]?.finish_reason).toBe("stop");
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
});

test("a request that is declined before the first token is answered with the status of its code", async () => {
  const asking = edge.post(streamed("Allowed?"));
  await edge.decline(await admittedFor(admissions, "Allowed?"), "no_variant_fits");
  const response = await asking;
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "no_variant_fits" } });
});

test("a failure after the first token ends the stream with an error event and without [DONE]", async () => {
  const asking = edge.post(streamed("Whole way?"));
  const call = await edge.call(await admittedFor(admissions, "Whole way?"));
  await call.send("Half");
  const response = await asking;
  await call.fail("stream_interrupted");
  const events = eventsOf(await response.text());
  expect(textOf(events)).toBe("Half");
  expect(events.at(-1)).toMatchObject({ error: { code: "stream_interrupted" } });
});

test("a stream that has lost a token ends with an error event and without [DONE]", async () => {
  const asking = edge.post(streamed("Lost?"));
  const call = await edge.call(await admittedFor(admissions, "Lost?"));
  await call.send("Pa");
  const response = await asking;
  call.lose();
  await call.send("s.");
  await call.finish();
  const events = eventsOf(await response.text());
  expect(textOf(events)).toBe("Pa");
  expect(events.at(-1)).toMatchObject({ error: { code: "internal_error" } });
});

test.each(["that began it", "that joined it"])(
  "a stream that two clients share continues when the one %s leaves, and is cancelled when both have left",
  async (which) => {
    const content = `Shared with the one ${which}?`;
    const leaving = [new AbortController(), new AbortController()] as const;
    const first = edge.post(streamed(content), {}, leaving[0].signal);
    const admitted = await admittedFor(admissions, content);
    const call = await edge.call(admitted);
    await call.send("On");
    const retry = { "x-stainless-retry-count": "1" };
    const joined = edge.post(streamed(content), retry, leaving[1].signal);
    const readers = [(await first).body!.getReader(), (await joined).body!.getReader()] as const;
    for (const reader of readers) await reader.read();

    const [gone, stays] = which === "that began it" ? ([0, 1] as const) : ([1, 0] as const);
    leaving[gone].abort();
    await readers[gone].read().catch(() => undefined);
    await pause();
    expect(await call.send(" and on")).toBe(false);
    const next = await readers[stays].read();
    expect(textOf(eventsOf(new TextDecoder().decode(next.value)))).toBe(" and on");

    leaving[stays].abort();
    await readers[stays].read().catch(() => undefined);
    await pause();
    expect(await call.send(" and over")).toBe(true);
  },
);

test("the call is cancelled if a client without a key leaves its stream", async () => {
  const leaving = new AbortController();
  const response = await leavingAfterFirst("Left?", {}, leaving);
  expect(response.cancelled).toBe(true);
});

test("the call is not cancelled if a client with an idempotency key leaves, because it can repeat the request", async () => {
  const leaving = new AbortController();
  const key = { "idempotency-key": "back-soon" };
  const response = await leavingAfterFirst("Back?", key, leaving);
  expect(response.cancelled).toBe(false);

  await response.finish();
  const again = await edge.post(streamed("Back?"), key);
  expect(textOf(eventsOf(await again.text()))).toBe("Paris.");
});

test("the call is not cancelled if a client leaves while it waits for a whole answer", async () => {
  const leaving = new AbortController();
  const asking = edge.post(chat("Whole and gone?"), {}, leaving.signal);
  const admitted = await admittedFor(admissions, "Whole and gone?");
  leaving.abort();
  await expect(asking).rejects.toThrow("abort");
  await pause();
  expect(await edge.isCancelled(admitted)).toBe(false);
});

async function leavingAfterFirst(
  content: string,
  headers: Readonly<Record<string, string>>,
  leaving: AbortController,
): Promise<{ readonly cancelled: boolean; readonly finish: () => Promise<unknown> }> {
  const asking = edge.post(streamed(content), headers, leaving.signal);
  const admitted = await admittedFor(admissions, content);
  const call = await edge.call(admitted);
  await call.send("On and on");
  const response = await asking;
  const reader = response.body!.getReader();
  await reader.read();
  leaving.abort();
  await reader.read().catch(() => undefined);
  await pause();
  const cancelled = await call.send(" and on");
  expect(await edge.isCancelled(admitted)).toBe(cancelled);
  return { cancelled, finish: () => call.finish() };
}

/** Waits longer than ingress takes to notice a closed connection. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 400));
}
