import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { embeddingOf } from "@sluice/domain";
import { aCompletion } from "@sluice/testing/fixtures";
import { afterEach, expect, test } from "vitest";
import { authorization, closed, closedText, headOf, RunningEdge } from "./running-edge.fixture.ts";

const mebibyte = 1_024 * 1_024;
const keyed = [`authorization: ${authorization}`];
const closing = [...keyed, "connection: close"];
const waitMs = { timeout: 20_000 };

let edge: RunningEdge;
afterEach(() => edge.abandon());

function chat(content: string, changed: object = {}): object {
  return { model: "auto", messages: [{ role: "user", content }], ...changed };
}

/** Returns the bytes of buffers that are still referenced. */
function usedBufferBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
  return process.memoryUsage().arrayBuffers;
}

async function firstOf(socket: Socket): Promise<string> {
  const [chunk]: readonly unknown[] = await once(socket, "data");
  return String(chunk);
}

test.each([
  ["chats", "POST /v1/chat/completions", 401, "invalid_api_key"],
  ["models", "GET /v1/models", 401, "invalid_api_key"],
  ["an unknown path", "POST /v1/nothing", 404, "not_found"],
])(
  "a request for %s without a key is refused before its body arrives",
  async (_, line, status, code) => {
    edge = await RunningEdge.start();
    const lines = [`${line} HTTP/1.1`, "host: edge", "content-length: 700000", "", "{"];
    const socket = await edge.open(...lines);
    const response = await firstOf(socket);
    expect(response).toContain(`HTTP/1.1 ${status} `);
    expect(response).toContain(`"code":"${code}"`);
  },
);

test("a process that is too busy refuses at once, before the body arrives, and asks to try again", async () => {
  edge = await RunningEdge.start();
  edge.overload();
  const response = await firstOf(await edge.upload(700_000, keyed));
  expect(response).toContain("HTTP/1.1 503 ");
  expect(response).toContain('"code":"overloaded"');
  expect(response.toLowerCase()).toContain("retry-after: 1");
  expect(await edge.metric("http_held_bytes")).toBe(0);
});

test("a client that closes its connection receives a refusal although its body comes later", async () => {
  edge = await RunningEdge.start();
  const lines = ["POST /v1/chat/completions HTTP/1.1", "host: edge", "connection: close"];
  const socket = await edge.open(...lines, "content-length: 4000", "", "");
  // It reads nothing before it has sent everything. A reset would discard what it has not read.
  socket.pause();
  for (let sent = 0; sent < 4; sent += 1) {
    await sleep(50);
    await new Promise((resolve) => socket.write("x".repeat(1_000), resolve));
  }
  expect(await closedText(socket)).toContain("HTTP/1.1 401 ");
});

test("a request that waits until its process stops is refused in the envelope of all errors", async () => {
  edge = await RunningEdge.start();
  const held = edge.holdArrivals();
  const socket = await edge.post("/v1/chat/completions", chat("Late?"), keyed);
  await expect.poll(() => held.length, waitMs).toBe(1);
  const stopped = edge.stop();
  await expect.poll(() => edge.isListening, waitMs).toBe(false);
  held[0]!.begin();
  const response = await firstOf(socket);
  expect(response).toMatch(/HTTP\/1\.1 503 [^]*"code":"unavailable"/);
  expect(response.toLowerCase()).toContain("retry-after: 1");
  await stopped;
});

test("a member that OpenAI's API does not have is admitted if a model declares it, and refused otherwise", async () => {
  edge = await RunningEdge.start();
  const refused = await edge.post("/v1/chat/completions", chat("Which?", { min_p: 1 }), keyed);
  const response = await firstOf(refused);
  expect(response).toMatch(/HTTP\/1\.1 400 [^]*"param":"min_p","code":"unknown_parameter"/);
  await edge.post("/v1/chat/completions", chat("Which?", { top_k: 5 }), keyed);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  expect(edge.producer.records[0]?.record).toMatchObject({
    request: { parameters: '{"top_k":5}' },
  });
  await edge.answerAll();
});

test("requests that are sent before the earlier one is answered are refused before they could wait", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.post("/v1/chat/completions", chat("First?"), keyed);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  // The queue would refuse each of them for another reason.
  edge.overload();
  socket.write("GET /v1/models HTTP/1.1\r\nhost: edge\r\n\r\n".repeat(100));
  const counted = { decision: "refuse", reason: "overloaded" };
  const count = () => edge.metric("admission_decisions_total", counted);
  await expect.poll(count, waitMs).toBe(100);
  await edge.answerAll();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const refused = () =>
    Buffer.concat(chunks).toString().split("carries one request at a time").length;
  await expect.poll(refused, waitMs).toBe(101);
});

test("the bodies of a thousand clients without a key are not kept in memory", async () => {
  edge = await RunningEdge.start();
  const before = usedBufferBytes();
  const part = Buffer.alloc(256 * 1_024, "a");
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => edge.upload(780_000)));
  await Promise.all(
    sockets.map(async (socket) => {
      expect(await firstOf(socket)).toContain("HTTP/1.1 401 ");
      await new Promise((resolve) => socket.write(part, resolve));
    }),
  );
  await expect.poll(() => usedBufferBytes() - before, waitMs).toBeLessThan(4 * mebibyte);
  expect(await edge.metric("http_held_bytes")).toBe(0);
});

test.each([
  ["that keeps its connection", []],
  ["that closes its connection", ["connection: close"]],
])(
  "a client without a key %s and sends everything before it reads receives its 401",
  async (_, headers) => {
    edge = await RunningEdge.start();
    const socket = await edge.upload(20 * mebibyte, headers);
    const errors: Error[] = [];
    socket.pause().on("error", (error) => errors.push(error));
    const rest = Buffer.alloc(20 * mebibyte - '{"model":'.length, "a");
    await new Promise((resolve) => socket.write(rest, resolve));
    expect(await closedText(socket)).toMatch(/^HTTP\/1.1 401 [^]*"code":"invalid_api_key"/);
    expect(errors).toEqual([]);
  },
);

test("a client without a key whose body is short keeps its connection", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.post("/v1/chat/completions", chat("Key?"));
  expect(await firstOf(socket)).not.toContain("connection: close");
  socket.write("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(await firstOf(socket)).toContain("HTTP/1.1 401 ");
});

test("the connection of a client without a key that sends without end is closed", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.upload(1_024 * mebibyte);
  expect(await firstOf(socket)).toContain("HTTP/1.1 401 ");
  const part = Buffer.alloc(mebibyte, "a");
  let sent = 0;
  while (!socket.closed && sent < 200) {
    await new Promise((resolve) => socket.write(part, resolve));
    sent += 1;
  }
  expect(sent).toBeGreaterThan(60);
  expect(sent).toBeLessThan(200);
});

test("a body beyond the budget of bytes is a 503 at once, and a client that leaves makes room without a log line", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_MEMORY_MAX_BYTES: 4 * mebibyte });
  const [first] = await Promise.all(Array.from({ length: 4 }, () => edge.upload(770_000, keyed)));
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(4 * 770_000);
  const refused = await firstOf(await edge.upload(770_000, keyed));
  expect(refused).toContain("HTTP/1.1 503 ");
  expect(refused).toContain("retry-after: 1");
  expect(refused).toContain('"code":"overloaded"');
  const shed = { decision: "shed", reason: "memory" };
  expect(await edge.metric("admission_decisions_total", shed)).toBe(1);

  first!.destroy();
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(3 * 770_000);
  const aborted = { decision: "refuse", reason: "client_closed" };
  expect(await edge.metric("admission_decisions_total", aborted)).toBe(1);
  expect(edge.logged).toEqual([]);
});

test("a request holds the bytes of its body until its answer is read", async () => {
  edge = await RunningEdge.start();
  const body = chat("Long?".repeat(1_000));
  const socket = await edge.post("/v1/chat/completions", body, closing);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  expect(await edge.metric("http_held_bytes")).toBe(JSON.stringify(body).length);
  await edge.answerAll();
  expect(await closedText(socket)).toContain("HTTP/1.1 200 ");
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
});

test("a request that is sent before the answer of the earlier one is a 503, and holds nothing", async () => {
  edge = await RunningEdge.start();
  const body = JSON.stringify(chat("First?"));
  const socket = await edge.post("/v1/chat/completions", chat("First?"), keyed);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  socket.write(headOf("/v1/chat/completions", 700_000, closing).concat("", "{").join("\r\n"));
  await sleep(100);
  expect(await edge.metric("http_held_bytes")).toBe(body.length);
  await edge.answerAll();
  const responses = await closedText(socket);
  expect(responses).toMatch(/^HTTP\/1.1 200 [^]*HTTP\/1.1 503 [^]*one request at a time/);
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
});

test("the connection of a client that stops in its body is closed after the idle time", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_IDLE_TIMEOUT_MS: 200 });
  const socket = await edge.upload(700_000, keyed);
  socket.resume();
  await closed(socket);
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  expect(edge.logged).toEqual([]);
});

test("the idle time does not end a client that waits for its answer", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_IDLE_TIMEOUT_MS: 200 });
  const socket = await edge.post("/v1/chat/completions", chat("Slow?"), closing);
  await sleep(1_000);
  await edge.answerAll();
  expect(await closedText(socket)).toContain("HTTP/1.1 200 ");
});

/** Is more than the buffers of a connection take, so that a client that does not read blocks the server. */
const long = "x".repeat(16 * mebibyte);
const { answer } = aCompletion();
const longAnswer = {
  variant: "small",
  answer: {
    ...answer,
    choices: [{ ...answer.choices[0]!, content: long }],
    embeddings: Array.from({ length: 256 }, () => embeddingOf(Array(1_536).fill(0.1))),
  },
};
const embeddings = { model: "embeddings", input: Array.from({ length: 256 }, () => "x") };

const readers: readonly (readonly [string, string, object])[] = [
  ["a stream", "/v1/chat/completions", chat("Stream?", { stream: true })],
  ["a whole answer", "/v1/chat/completions", chat("Whole?")],
  ["embeddings as numbers", "/v1/embeddings", embeddings],
];

test.each(readers)(
  "clients that do not read %s release their places some seconds after the deadline",
  async (_, path, body) => {
    edge = await RunningEdge.start({ SLUICE_HTTP_WAITING_MAX: 4 });
    const headers = [...keyed, "x-sluice-deadline: 0.5", "x-sluice-cache: no-store"];
    await Promise.all(Array.from({ length: 4 }, () => edge.post(path, body, headers)));
    await expect.poll(() => edge.producer.records.length, waitMs).toBe(4);
    await edge.answerAll(longAnswer);
    await sleep(1_000);
    const shed = await edge.post("/v1/chat/completions", chat("Place?"), closing);
    expect(await closedText(shed)).toContain("HTTP/1.1 503 ");
    await expect.poll(() => edge.metric("http_requests_waiting"), waitMs).toBe(0);
    await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  },
);

test.each(readers)(
  "a client that reads nothing of %s for the idle time is closed long before its deadline",
  async (_, path, body) => {
    edge = await RunningEdge.start({ SLUICE_HTTP_IDLE_TIMEOUT_MS: 500 });
    await edge.post(path, body, keyed);
    await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
    await edge.answerAll(longAnswer);
    await expect.poll(() => edge.metric("http_requests_waiting"), waitMs).toBe(0);
    expect(edge.logged).toEqual([]);
  },
);

test.each(readers)("a client that reads %s slowly receives all of it", async (_, path, body) => {
  edge = await RunningEdge.start({ SLUICE_HTTP_IDLE_TIMEOUT_MS: 1_000 });
  const socket = await edge.post(path, body, closing);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  await edge.answerAll(longAnswer);
  let received = 0;
  let end = "";
  for await (const chunk of socket) {
    if (Math.floor(received / mebibyte) < Math.floor((received + chunk.length) / mebibyte))
      await sleep(200);
    received += chunk.length;
    end = String(chunk).slice(-30);
  }
  expect(received).toBeGreaterThan(7 * mebibyte);
  expect(end).toMatch(/\[DONE\]|\}\r?\n?(?:0\r\n)?\r?\n?$/);
});

test("an answer that does not fit into the budget is a 503", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_MEMORY_MAX_BYTES: 4 * mebibyte });
  const socket = await edge.post("/v1/chat/completions", chat("Whole?"), closing);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  await edge.answerAll(longAnswer);
  expect(await closedText(socket)).toMatch(/HTTP\/1.1 503 [^]*"code":"overloaded"/);
});

test("a server that stops does not wait for clients that neither send nor read", async () => {
  edge = await RunningEdge.start();
  await edge.post("/v1/chat/completions", chat("Whole?"), keyed);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(1);
  await edge.answerAll(longAnswer);
  await edge.upload(700_000, keyed);
  const waiting = await edge.post("/v1/chat/completions", chat("Stopping?"), keyed);
  await expect.poll(() => edge.producer.records.length, waitMs).toBe(2);
  const response = firstOf(waiting);
  const startedAt = performance.now();
  await edge.stop();
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await response).toMatch(/HTTP\/1.1 503 [^]*"code":"unavailable"/);
});

test("connections beyond the limit are closed, and an ended one makes room", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_CONNECTIONS_MAX: 1 });
  const first = await edge.open("");
  const second = await edge.open("");
  second.resume();
  await closed(second);
  const shed = { decision: "shed", reason: "connections" };
  await expect.poll(() => edge.metric("admission_decisions_total", shed), waitMs).toBe(1);
  first.destroy();
  await expect
    .poll(async () => {
      const socket = await edge.open(
        "GET /v1/models HTTP/1.1",
        "host: x",
        "connection: close",
        "",
        "",
      );
      return closedText(socket);
    })
    .toContain("HTTP/1.1 401 ");
});

test.each([
  ["is not HTTP", "HELLO\r\n\r\n", 400, "malformed_request"],
  [
    "has too long headers",
    `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`,
    431,
    "headers_too_large",
  ],
])(
  "a request that %s is refused in the envelope of all errors, without a log line",
  async (_, bytes, status, code) => {
    edge = await RunningEdge.start();
    const response = await closedText(await edge.open(bytes));
    expect(response).toContain(`HTTP/1.1 ${status} `);
    expect(JSON.parse(response.split("\r\n\r\n")[1]!)).toMatchObject({ error: { code } });
    expect(edge.logged).toEqual([]);
  },
);

test.each(["text/plain", "application/x-www-form-urlencoded", "text/html", "nonsense"])(
  "a body of the type %s is a 415",
  async (type) => {
    edge = await RunningEdge.start();
    const lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", ...closing];
    const socket = await edge.open(
      ...lines,
      `content-type: ${type}`,
      "content-length: 2",
      "",
      "{}",
    );
    expect(await closedText(socket)).toMatch(/HTTP\/1.1 415 [^]*"unsupported_media_type"/);
  },
);
