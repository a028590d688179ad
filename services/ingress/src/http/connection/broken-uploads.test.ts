import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { authorization, headOf, RunningEdge } from "../running-edge.fixture.ts";

const waitMs = { timeout: 20_000 };
const keyed = [`authorization: ${authorization}`];
const path = "/v1/chat/completions";
const body = JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Broken?" }] });
const packed = gzipSync(body).toString("latin1");

let edge: RunningEdge;
afterEach(() => edge.abandon());

const counted = { decision: "refuse", reason: "client_closed" };
const closedCount = () => edge.metric("admission_decisions_total", counted);

const ends = [
  ["resets", (socket: Socket) => void socket.resetAndDestroy()],
  ["closes", (socket: Socket) => void socket.destroy()],
  ["half-closes", (socket: Socket) => void socket.end()],
] as const;

const stages = [
  ["a length", headOf(path, 700_000, keyed).concat("", body)],
  ["nothing of its body", headOf(path, 700_000, keyed).concat("", "")],
  ["gzip", headOf(path, 700_000, [...keyed, "content-encoding: gzip"]).concat("", packed)],
  ["chunks", chunked([]).concat("", '7\r\n{"model\r\n')],
  ["a part of a chunk", chunked([]).concat("", '70\r\n{"model')],
  ["gzip in chunks", chunked(["content-encoding: gzip"]).concat("", "3\r\nabc\r\n")],
] as const;

function chunked(headers: readonly string[]): readonly string[] {
  const lines = headOf(path, 0, [...keyed, ...headers, "transfer-encoding: chunked"]);
  return lines.filter((line) => !line.startsWith("content-length"));
}

test.each(
  stages.flatMap(([stage, lines]) => ends.map(([how, end]) => ({ stage, lines, how, end }))),
)(
  "a client that $how in its body with $stage is counted once, and is not a defect",
  async ({ lines, end }) => {
    edge = await RunningEdge.start();
    const socket = await edge.open(...lines);
    socket.resume();
    await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBeGreaterThan(0);
    end(socket);
    await expect.poll(closedCount, waitMs).toBe(1);
    await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
    expect(await edge.metric("admission_decisions_total")).toBe(1);
    expect(edge.logged).toEqual([]);
    expect(edge.admitted).toEqual([]);
  },
);

test("a client that ends its side in the headers is counted, and is not a defect", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open("POST /v1/chat/completions HTTP/1.1", "host: x", "autho");
  socket.end();
  await expect.poll(closedCount, waitMs).toBe(1);
  expect(edge.logged).toEqual([]);
});

test("a client that resets while it waits in the queue has left when it is its turn", async () => {
  edge = await RunningEdge.start();
  const held = edge.holdArrivals();
  const socket = await edge.upload(700_000, keyed);
  await expect.poll(() => held.length, waitMs).toBe(1);
  socket.resetAndDestroy();
  await expect.poll(() => held[0]!.isGone(), waitMs).toBe(true);
  expect(edge.logged).toEqual([]);
});

test.each(ends.slice(1))(
  "a client that %s while it waits in the queue is refused, counted once, and does not begin",
  async (_, end) => {
    edge = await RunningEdge.start();
    const held = edge.holdArrivals();
    const socket = await edge.upload(700_000, keyed);
    await expect.poll(() => held.length, waitMs).toBe(1);
    end(socket.resume());
    await expect.poll(closedCount, waitMs).toBe(1);
    expect(held[0]!.isGone()).toBe(false);
    held[0]!.begin();
    expect(await edge.metric("admission_decisions_total")).toBe(1);
    expect(await edge.metric("http_held_bytes")).toBe(0);
    expect(edge.logged).toEqual([]);
  },
);

test.each([
  ["resets", ends[0][1], false],
  ["closes", ends[1][1], false],
  ["resets", ends[0][1], true],
  ["closes", ends[1][1], true],
])("a client that %s after its admission is not a defect", async (_, end, stream) => {
  edge = await RunningEdge.start();
  const chat = { model: "auto", messages: [{ role: "user", content: "After?" }], stream };
  const socket = await edge.post(path, chat, keyed);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  end(socket);
  await expect.poll(() => edge.metric("http_requests_waiting"), waitMs).toBe(0);
  await edge.answerAll();
  expect(await edge.metric("http_held_bytes")).toBe(0);
  expect(edge.logged).toEqual([]);
});

test("clients that reset while their bodies are unpacked occupy no place", async () => {
  edge = await RunningEdge.start();
  const chat = { model: "auto", messages: [{ role: "user", content: "x".repeat(700_000) }] };
  const bytes = gzipSync(JSON.stringify(chat));
  for (let count = 0; count < 50; count += 1) {
    const head = headOf(path, bytes.length, [...keyed, "content-encoding: gzip"]);
    const socket = await edge.open(...head, "", "");
    await new Promise((resolve) => socket.write(bytes, resolve));
    socket.resetAndDestroy();
  }
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  await expect.poll(() => edge.metric("http_requests_waiting"), waitMs).toBe(0);
  expect(edge.logged).toEqual([]);
});
