import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { authorization, closedText, RunningEdge } from "../running-edge.fixture.ts";

const waitMs = { timeout: 20_000 };
const keyed = `authorization: ${authorization}`;
const json = JSON.stringify({ model: "auto", messages: [{ role: "user", content: "First?" }] });
const chat = [
  ...["POST /v1/chat/completions HTTP/1.1", "host: x", keyed, "content-type: application/json"],
  ...[`content-length: ${json.length}`, "", json],
].join("\r\n");
const chunked = [
  ...["POST /v1/chat/completions HTTP/1.1", "host: x", keyed, "content-type: application/json"],
  ...["transfer-encoding: chunked", "", ""],
].join("\r\n");

let edge: RunningEdge;
afterEach(() => edge.abandon());

function errorIn(response: string): unknown {
  return JSON.parse(response.slice(response.lastIndexOf("\r\n\r\n") + 4));
}

function statusesIn(responses: string): readonly number[] {
  return [...responses.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

const get = "GET /v1/models HTTP/1.1\r\n";
const post = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";

test.each([
  ["is not HTTP", "HELLO\r\n\r\n", 400, "malformed_request"],
  ["is TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n", 400, "malformed_request"],
  ["is HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"],
  ["has another version", "GET / HTTP/3.7\r\nhost: x\r\n\r\n", 400, "malformed_request"],
  ["has an unknown method", "FOO /v1/models HTTP/1.1\r\nhost: x\r\n\r\n", 400, "malformed_request"],
  ["has no host", `${get}connection: close\r\n\r\n`, 400, "malformed_request"],
  [
    "has two hosts",
    `${get}host: x\r\nHost: y\r\nconnection: close\r\n\r\n`,
    400,
    "malformed_request",
  ],
  ["has a header without a colon", `${get}host: x\r\nnonsense\r\n\r\n`, 400, "malformed_request"],
  ["has a NUL in a header", `${get}host: x\r\na: \u0000\r\n\r\n`, 400, "malformed_request"],
  ["has a wrong length", `${post}content-length: -1\r\n\r\n`, 400, "malformed_request"],
  [
    "has two lengths",
    `${post}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
    400,
    "malformed_request",
  ],
  [
    "has a length and chunks",
    `${post}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    400,
    "malformed_request",
  ],
  [
    "has another transfer encoding",
    `${post}connection: close\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
    "unsupported_transfer_encoding",
  ],
  [
    "expects what the edge does not do",
    `${post}connection: close\r\nexpect: 200-ok\r\n\r\n`,
    417,
    "expectation_failed",
  ],
  [
    "is for a proxy",
    "CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    405,
    "method_not_allowed",
  ],
  ["has too long headers", `${get}x: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
  ["has a megabyte of headers", `${get}x: ${"x".repeat(1e6)}\r\n\r\n`, 431, "headers_too_large"],
  ["has too many headers", `${get}${"x: x\r\n".repeat(5_000)}\r\n`, 431, "headers_too_large"],
  ["has a too long path", `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, "headers_too_large"],
  [
    "has a long path",
    `GET /${"x".repeat(9_000)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    404,
    "not_found",
  ],
])("a request that %s is refused in the envelope of all errors", async (_, bytes, status, code) => {
  edge = await RunningEdge.start();
  const socket = await edge.open(bytes);
  const errors: Error[] = [];
  socket.on("error", (error) => errors.push(error));
  const response = await closedText(socket);
  expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(errorIn(response)).toMatchObject({ error: { code, param: null } });
  expect(response.toLowerCase()).toContain("connection: close");
  expect(response.toLowerCase()).toContain("content-type: application/json");
  expect([edge.logged, errors]).toEqual([[], []]);
  expect(await edge.metric("admission_decisions_total", { decision: "refuse", reason: code })).toBe(
    1,
  );
});

test("a client that keeps its connection after a missing host may use it again", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open(`${get}\r\n${get}host: x\r\nconnection: close\r\n\r\n`);
  expect(await closedText(socket)).toMatch(/^HTTP\/1.1 400 [^]*HTTP\/1.1 (?:401|503) /);
});

test("a body that is not in chunks, so that its end is unknown, is a 501", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open(`${post}transfer-encoding: gzip\r\n\r\n`);
  const response = await firstThenClosed(socket);
  expect(errorIn(response)).toMatchObject({ error: { code: "unsupported_transfer_encoding" } });
  expect(statusesIn(response)).toEqual([501]);
});

test.each([
  ["its headers", "POST /v1/chat/comp"],
  ["its body", chat.slice(0, -5)],
  ["its chunks", `${chunked}3\r\nab`],
])("a request that is late in %s is a 408, and its connection is closed", async (_, sent) => {
  edge = await RunningEdge.start();
  const socket = await edge.open(sent);
  const isRead = sent.includes("authorization");
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBeGreaterThan(isRead ? 0 : -1);
  edge.timeOutRequests();
  const response = await firstThenClosed(socket);
  expect(statusesIn(response)).toEqual([408]);
  expect(errorIn(response)).toMatchObject({ error: { code: "request_timeout" } });
  expect(response.toLowerCase()).toContain("connection: close");
  const counted = { decision: "refuse", reason: "request_timeout" };
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  expect(await edge.metric("admission_decisions_total", counted)).toBe(1);
  expect(await edge.metric("admission_decisions_total")).toBe(1);
  expect(edge.logged).toEqual([]);
});

test("a request that stops in its body is a 408 after the idle time", async () => {
  edge = await RunningEdge.start({ SLUICE_HTTP_IDLE_TIMEOUT_MS: 200 });
  const response = await closedText(await edge.open(chat.slice(0, -5)));
  expect(statusesIn(response)).toEqual([408]);
  expect(errorIn(response)).toMatchObject({ error: { code: "request_timeout" } });
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  expect(await edge.metric("admission_decisions_total")).toBe(1);
  expect(edge.logged).toEqual([]);
});

test("a client that ends its side within its request reads what was wrong", async () => {
  edge = await RunningEdge.start();
  for (const sent of ["POST /v1/chat/comp", `${chunked}3\r\nab`]) {
    const socket = await edge.open(sent);
    socket.end();
    const response = await closedText(socket);
    expect(statusesIn(response)).toEqual([400]);
    expect(errorIn(response)).toMatchObject({ error: { code: "malformed_request" } });
  }
});

test("a request that was refused while it waited does not begin", async () => {
  edge = await RunningEdge.start();
  const held = edge.holdArrivals();
  const socket = await edge.open(chunked);
  await expect.poll(() => held.length, waitMs).toBe(1);
  socket.write("zz\r\n");
  expect(statusesIn(await firstThenClosed(socket))).toEqual([400]);
  expect(held[0]!.isGone()).toBe(false);
  held[0]!.begin();
  expect(await edge.metric("admission_decisions_total")).toBe(1);
  expect(await edge.metric("http_held_bytes")).toBe(0);
  expect(edge.logged).toEqual([]);
});

test("a request of HTTP/1.0 needs no host", async () => {
  edge = await RunningEdge.start();
  const response = await closedText(await edge.open(`GET /v1/models HTTP/1.0\r\n${keyed}\r\n\r\n`));
  expect(response).toContain("HTTP/1.1 200 ");
});

test.each([
  ["a wrong size of a chunk", "zz\r\n", 400, "malformed_request"],
  ["bytes after a chunk", "1\r\n{oops\r\n", 400, "malformed_request"],
  ["a long extension", `1;${"x".repeat(20_000)}\r\n{\r\n`, 413, "body_too_large"],
])("a body with %s is refused once, and is not a defect", async (_, bytes, status, code) => {
  edge = await RunningEdge.start();
  const response = await firstThenClosed(await edge.open(chunked + bytes));
  expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(statusesIn(response)).toEqual([status]);
  expect(errorIn(response)).toMatchObject({ error: { code } });
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  await expect.poll(() => edge.metric("admission_decisions_total", { decision: "refuse" })).toBe(1);
  expect(edge.logged).toEqual([]);
});

/** Reads a response and closes the connection, on which the server would wait for the rest of the body. */
async function firstThenClosed(socket: Socket): Promise<string> {
  let response = "";
  for await (const chunk of socket) {
    response += String(chunk);
    if (response.endsWith("}")) break;
  }
  return response;
}

test("bytes that are not HTTP behind a request do not cost it its answer", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open(`${chat}GARBAGE\r\n\r\n`);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  socket.write("more garbage\r\n\r\n");
  await edge.answerAll();
  const responses = await closedText(socket);
  expect(responses).toMatch(/^HTTP\/1.1 200 [^]*HTTP\/1.1 400 [^]*"malformed_request"/);
  expect(statusesIn(responses)).toEqual([200, 400]);
  expect(edge.logged).toEqual([]);
});

test.each(["\r\n", "\r\nmore\r\n\r\n", `${get}host: x\r\n\r\n`])(
  "bytes behind a request that ends its connection do not cost it its answer",
  async (bytes) => {
    edge = await RunningEdge.start();
    const closing = chat.replace("host: x", "host: x\r\nconnection: close");
    const socket = await edge.open(closing + bytes);
    await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
    await edge.answerAll();
    expect(statusesIn(await closedText(socket))).toEqual([200]);
    expect(edge.logged).toEqual([]);
  },
);

test("bytes that are not HTTP behind a stream do not end up in it", async () => {
  edge = await RunningEdge.start();
  const body = json.replace("{", '{"stream":true,');
  const lines = chat.split("\r\n").slice(0, 4);
  const socket = await edge.open(
    ...lines,
    `content-length: ${body.length}`,
    "",
    `${body}GARBAGE\r\n\r\n`,
  );
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.answerAll();
  expect(await closedText(socket)).toMatch(/\[DONE\]\n\n\r\n0\r\n\r\nHTTP\/1.1 400 [^]*\}$/);
});

test("a client that sends a megabyte after bytes that are not HTTP reads its refusal, and no reset", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open("HELLO\r\n\r\n");
  const errors: Error[] = [];
  socket.pause().on("error", (error) => errors.push(error));
  await new Promise((resolve) => socket.write(Buffer.alloc(1_024 * 1_024, "a"), resolve));
  expect(await closedText(socket)).toMatch(/^HTTP\/1.1 400 [^]*"malformed_request"/);
  expect(errors).toEqual([]);
});
