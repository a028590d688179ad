import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { deadlinePassed } from "../provider.ts";
import { callProvider } from "../provider.contract.ts";
import { plainDialect } from "./dialect.ts";
import { events, json, serve, stopServing } from "../wire/answering-server.fixture.ts";

afterEach(stopServing);

const role = { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] };
const said = { choices: [{ index: 0, delta: { content: "42" }, finish_reason: "stop" }] };
const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
/** Longer than a test may take. */
const long = 60_000;

function streamOf(...steps: readonly (string | number)[]): RequestListener {
  return async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    for (const step of steps) {
      if (typeof step === "string") response.write(step);
      // oxlint-disable-next-line no-await-in-loop -- in order
      else await new Promise((resolve) => setTimeout(resolve, step));
    }
    response.end();
  };
}

async function endOf(listener: RequestListener, changes: Parameters<typeof serve>[1]) {
  const provider = await serve(listener, changes);
  return (await callProvider(provider, { prompt: "x", stream: true })).end;
}

describe("a model that reasons before it answers", () => {
  test.each([
    ["nothing", [500, event(said)]],
    ["the role of the speaker", [event(role), 500, event(said)]],
    ["signs of life", [event(role), 250, ": thinking\n\n", 250, event(said)]],
  ] as const)(
    "may be silent for longer than an answer that has begun, after %s",
    async (_, steps) => {
      const end = await endOf(streamOf(...steps), { beginMs: long, silenceMs: 100 });
      expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "42" }] } });
    },
  );

  test("is awaited up to the limit of the model, and else of all", async () => {
    const silent = streamOf(event(role), 5_000);
    const models = (name: string) => new Map([[name, { beginMs: 150, dialect: plainDialect }]]);
    expect(await endOf(silent, { beginMs: long, models: models("sim-economy") })).toMatchObject({
      ...{ kind: "lost", code: "timed_out" },
    });
    expect(await endOf(silent, { beginMs: 200, models: models("another") })).toMatchObject({
      code: "timed_out",
    });
  });
});

test("a provider that is silent until the deadline has failed, unless the deadline was hasty", async () => {
  const endAt = async (deadlineMs: number) => {
    const ending = new AbortController();
    const provider = await serve(streamOf(5_000), { beginMs: long, silenceMs: 200 });
    setTimeout(() => ending.abort(deadlinePassed), deadlineMs);
    const call = { signal: ending.signal };
    return (await callProvider(provider, { prompt: "x", stream: true, call })).end;
  };
  expect(await endAt(300)).toEqual({ kind: "lost", code: "timed_out" });
  expect(await endAt(50)).toEqual({ kind: "lost", code: "aborted" });
});

test("a model that shows its reasoning may be silent between its thoughts", async () => {
  const thought = { choices: [{ index: 0, delta: { reasoning_content: "6 times 7" } }] };
  const listener = streamOf(event(thought), 400, event(said));
  expect(await endOf(listener, { beginMs: long, silenceMs: 100 })).toMatchObject({
    kind: "answered",
  });
});

test("an answer that has begun may not be silent for as long, from its first text on", async () => {
  const text = { choices: [{ index: 0, delta: { content: "4" } }] };
  const listener = streamOf(event(text), 5_000);
  expect(await endOf(listener, { beginMs: long, silenceMs: 150 })).toMatchObject({
    ...{ kind: "cut", code: "timed_out" },
  });
});

describe("a connection that was used before", () => {
  const answer = json({ choices: [{ message: { content: "x" }, finish_reason: "stop" }] });

  /** Answers the first call of a connection, and ends the later ones in another way. */
  function laterCalls(listener: RequestListener): RequestListener {
    const used = new WeakSet<object>();
    return (request, response) => {
      if (used.has(request.socket)) return listener(request, response);
      used.add(request.socket);
      answer(request, response);
    };
  }

  async function secondEnd(listener: RequestListener) {
    const provider = await serve(laterCalls(listener));
    const first = await callProvider(provider, { prompt: "x" });
    expect(first.end.kind).toBe("answered");
    const second = await callProvider(provider, { prompt: "x" });
    // The next call has a connection of its own.
    const third = await callProvider(provider, { prompt: "x" });
    expect(third.end.kind).toBe("answered");
    return second.end;
  }

  test.each([
    ["resets it", "resetAndDestroy"],
    ["closes it", "destroy"],
  ] as const)(
    "and that the provider %s without an answer did not carry the call, which costs nothing",
    async (_, close) => {
      expect(await secondEnd((request) => request.socket[close]())).toEqual({
        ...{ kind: "refused", code: "connection_stale", status: null, retryAfterMs: null },
      });
    },
  );

  test("is not used again if another one was stale", async () => {
    // Two connections become idle, and the provider closes both without saying so.
    const sockets = new Set<unknown>();
    let isClosing = false;
    const provider = await serve((request, response) => {
      if (isClosing && sockets.has(request.socket)) request.socket.resetAndDestroy();
      else setTimeout(() => answer(request, response), isClosing ? 0 : 50);
      sockets.add(request.socket);
    });
    const call = () => callProvider(provider, { prompt: "x" });
    await Promise.all([call(), call()]);
    expect(sockets.size).toBe(2);
    isClosing = true;
    expect((await call()).end).toMatchObject({ code: "connection_stale" });
    expect((await call()).end.kind).toBe("answered");
  });

  test("and that breaks later may have carried a call that is billed", async () => {
    const end = await secondEnd((request) => setTimeout(() => request.socket.destroy(), 1_100));
    expect(end).toEqual({ kind: "lost", code: "connection_lost" });
  });

  test("and that breaks within the answer has carried the call", async () => {
    const end = await secondEnd((request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": 99 });
      response.write("{");
      setTimeout(() => request.socket.destroy(), 20);
    });
    expect(end).toEqual({ kind: "lost", code: "connection_lost" });
  });

  test("and a new one that breaks may have carried a call that is billed", async () => {
    const provider = await serve((request) => request.socket.destroy());
    expect((await callProvider(provider, { prompt: "x" })).end).toEqual({
      ...{ kind: "lost", code: "connection_lost" },
    });
    expect((await callProvider(provider, { prompt: "x", stream: true })).end.kind).toBe("lost");
  });
});

test("a stream is read to its end after [DONE], so that its connection can be used again", async () => {
  const sockets = new Set<unknown>();
  const answering = events(said);
  const provider = await serve((request, response) => {
    sockets.add(request.socket);
    answering(request, response);
  });
  for (const _ of [1, 2]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const { end } = await callProvider(provider, { prompt: "x", stream: true });
    expect(end.kind).toBe("answered");
  }
  expect(sockets.size).toBe(1);
});
