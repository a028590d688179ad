import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { ApiError } from "../api-error.ts";
import { authorization, RunningEdge } from "../running-edge.fixture.ts";
import { readWhole } from "./whole-body.ts";

const mebibyte = 1_024 * 1_024;
const waitMs = { timeout: 20_000 };

let edge: RunningEdge | undefined;
afterEach(() => edge?.abandon());

/** Reads a body of these chunks, as a server receives them. */
async function read(chunks: readonly string[], bytesMax: number, length?: number): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It listens on TCP.");
  const socket = connect(address.port, "127.0.0.1").on("error", () => undefined);
  const form = length === undefined ? "transfer-encoding: chunked" : `content-length: ${length}`;
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${form}\r\n\r\n`);
  const [request]: readonly IncomingMessage[] = await once(server, "request");
  const whole = new Promise<string>((resolve) => {
    readWhole(request!, bytesMax, (error, body) =>
      resolve(error instanceof ApiError ? error.code : String(body)),
    );
  });
  for (const chunk of chunks)
    socket.write(
      length === undefined ? `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n` : chunk,
    );
  if (length === undefined) socket.write("0\r\n\r\n");
  const body = await whole;
  socket.destroy();
  server.close();
  return body;
}

test("a body is the same in whatever chunks it arrives, and a longer one is refused", async () => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 3_000, unit: "binary-ascii" }), {
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(texts, async (chunks) => {
      const text = chunks.join("");
      const { length } = text;
      expect(await read(chunks, length)).toBe(text);
      expect(await read(chunks, length, length)).toBe(text);
      const short = length === 0 ? "" : "body_too_large";
      expect(await read(chunks, Math.max(length - 1, 0))).toBe(short);
      expect(await read(chunks, Math.max(length - 1, 0), length)).toBe(short);
    }),
    { numRuns: 30 },
  );
});

test("a body in chunks of one byte occupies no more than its limit", async () => {
  edge = await RunningEdge.start();
  const used = () => {
    setFlagsFromString("--expose-gc");
    runInNewContext("gc()");
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const socket = await edge.open(
    ...["POST /v1/chat/completions HTTP/1.1", "host: x", "content-type: application/json"],
    ...[`authorization: ${authorization}`, "transfer-encoding: chunked", "", ""],
  );
  const bytes = "1\r\n \r\n".repeat(700_000);
  socket.write(bytes);
  await expect.poll(() => edge!.bytesRead, waitMs).toBeGreaterThan(bytes.length);
  expect(await edge.metric("http_held_bytes")).toBe(768 * 1_024);
  expect(used() - before).toBeLessThan(16 * mebibyte);
  socket.write("1\r\n{\r\n0\r\n\r\n");
  const [chunk]: readonly unknown[] = await once(socket, "data");
  expect(String(chunk)).toContain('"invalid_json"');
});
