import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { IngressMetrics } from "../../metrics.ts";
import { MemoryBudget } from "../connection/memory-budget.ts";
import { ClientReadings } from "./client-reading.ts";

const kibibyte = 1_024;
const now = 1_800_000_000_000;

/** Runs a server that answers with `answer`, and a client that has asked and not read yet. */
async function anExchange(answer: (response: ServerResponse) => Promise<void>) {
  const server = createServer((_, response) => void answer(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It listens on TCP.");
  const socket = connect(address.port, "127.0.0.1").on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  return { server, socket };
}

function readingsWith(bytesMax: number, idleMs = 10_000) {
  const metrics = new IngressMetrics(new Registry());
  const memory = new MemoryBudget(bytesMax, metrics);
  return { metrics, readings: new ClientReadings(memory, { now: () => now }, idleMs) };
}

test("a write that waits for its client leaves no listener behind", async () => {
  const { readings, metrics } = readingsWith(1_024 * kibibyte);
  const counts: number[] = [];
  const { server, socket } = await anExchange(async (response) => {
    const reading = readings.of(response, now + 60_000);
    for (let part = 0; part < 200; part += 1) {
      await reading.write("x".repeat(64 * kibibyte));
      const names = ["drain", "close", "error", "finish"];
      counts.push(names.reduce((sum, name) => sum + response.listenerCount(name), 0));
    }
    await reading.end();
  });
  socket.resume();
  await once(socket, "close");
  expect(counts).toHaveLength(200);
  expect(new Set(counts)).toEqual(new Set([counts[0]]));
  expect((await metrics.heldBytes.get()).values[0]?.value).toBe(0);
  server.close();
});

test("the answer to a client that has left takes nothing from the memory budget", async () => {
  const { readings, metrics } = readingsWith(1_024 * kibibyte);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { server, socket } = await anExchange(async (response) => {
    socket.destroy();
    await once(response, "close");
    const reading = readings.of(response, now + 60_000);
    resolve(reading.reserve(100 * kibibyte));
    response.end("x".repeat(100 * kibibyte));
    await reading.finished();
  });
  expect(await promise).toBe(true);
  await new Promise((done) => server.close(done));
  expect((await metrics.heldBytes.get()).values[0]?.value ?? 0).toBe(0);
});

test("a client that does not read while memory is short loses its connection", async () => {
  const { readings, metrics } = readingsWith(100 * kibibyte);
  const { promise, resolve } = Promise.withResolvers<number>();
  const { server, socket } = await anExchange(async (response) => {
    const reading = readings.of(response, now + 60_000);
    let written = 0;
    while (!response.destroyed && written < 100) {
      await reading.write("x".repeat(200 * kibibyte));
      written += 1;
    }
    resolve(written);
  });
  expect(await promise).toBeLessThan(100);
  expect((await metrics.heldBytes.get()).values[0]?.value ?? 0).toBe(0);
  socket.destroy();
  server.close();
});

test("other requests run between the parts of a response, even if its client reads at once", async () => {
  const { readings } = readingsWith(1_024 * kibibyte);
  let turns = 0;
  let turn = setImmediate(function next() {
    turns += 1;
    turn = setImmediate(next);
  });
  let turnsOfParts = 0;
  const { server, socket } = await anExchange(async (response) => {
    const before = turns;
    await readings.of(response, now + 60_000).writeParts(Array<string>(200).fill("x"));
    turnsOfParts = turns - before;
  });
  expect(await text(socket)).toContain("x");
  expect(turnsOfParts).toBeGreaterThanOrEqual(200);
  clearImmediate(turn);
  server.close();
});

test("the idle time does not end a stream whose provider pauses after the client has read", async () => {
  const { readings } = readingsWith(32 * 1_024 * kibibyte, 100);
  const { server, socket } = await anExchange(async (response) => {
    const reading = readings.of(response, now + 60_000);
    await reading.write("x".repeat(16 * 1_024 * kibibyte));
    await sleep(500);
    await reading.write("the end");
    await reading.end();
  });
  expect(await text(socket)).toContain("the end");
  server.close();
});
