import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { suiteKeys, SuiteTopics } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat, Edge } from "./edge.ts";

const run = promisify(execFile);
const mebibyte = 1_024 * 1_024;
/** Is 26 times as long as a body may be. */
const longPrompt = "0123456789abcdef".repeat((20 * mebibyte) / 16);
const headers = {
  authorization: `Bearer ${suiteKeys.acme}`,
  "content-type": "application/json",
};

let suite: SuiteTopics;
let edge: Edge;
let folder: string;
let file: string;

beforeAll(async () => {
  suite = await SuiteTopics.open("bodies");
  edge = await Edge.start(suite.environment);
  folder = mkdtempSync(join(tmpdir(), "sluice-bodies-"));
  file = join(folder, "body.json");
  writeFileSync(file, JSON.stringify(chat(longPrompt)));
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
  if (folder) rmSync(folder, { recursive: true });
});

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function refusalIn(status: number, text: string): Refusal {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope
  const { error } = JSON.parse(text) as { readonly error: Omit<Refusal, "status"> };
  return { status, code: error.code, message: error.message };
}

const tooLarge = {
  status: 413,
  code: "body_too_large",
  message: expect.stringContaining("768 KiB"),
};

/** Sends a body with Node's own client, which fails with the error of its socket. */
function post(body: Readable | Buffer, length?: number): Promise<Refusal> {
  const { promise, resolve, reject } = Promise.withResolvers<Refusal>();
  const own = length === undefined ? headers : { ...headers, "content-length": length };
  const sent = request(`${edge.url}/v1/chat/completions`, { method: "POST", headers: own });
  sent.once("error", reject).once("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk)).once("error", reject);
    response.once("end", () =>
      resolve(refusalIn(response.statusCode ?? 0, Buffer.concat(chunks).toString())),
    );
  });
  if (Buffer.isBuffer(body)) sent.end(body);
  else body.pipe(sent);
  return promise;
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

test("a client that sends a prompt of 20 MB reads its refusal, and no reset of the connection", async () => {
  const bytes = Buffer.from(JSON.stringify(chat(longPrompt)));
  for (let attempt = 0; attempt < 10; attempt += 1) {
    expect(await post(Readable.from(piecesOf(bytes)))).toEqual(tooLarge);
    expect(await post(Readable.from(piecesOf(bytes)), bytes.length)).toEqual(tooLarge);
    expect(await post(bytes, bytes.length)).toEqual(tooLarge);
  }
});

/** Sends everything before it reads, as Python's and other clients do. Fails with any error of the socket while it sends. */
async function sendAllThenRead(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname).pause();
  const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const { promise: sent, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${named.join("")}`);
  socket.write(`content-length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes, () => resolve());
  await sent;
  let response = "";
  for await (const chunk of socket) response += String(chunk);
  return response;
}

test("a client that sends everything before it reads receives the refusal, and no broken pipe", async () => {
  const refusal = await sendAllThenRead(Buffer.from(longPrompt));
  expect(refusal).toMatch(/^HTTP\/1.1 413 [^]*"code":"body_too_large"/);
});

async function curl(...options: readonly string[]): Promise<Refusal> {
  const named = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const url = `${edge.url}/v1/chat/completions`;
  const given = ["-sS", "-w", "\n%{http_code}", ...named, ...options, url];
  const { stdout } = await run("curl", given);
  const [text = "", status] = stdout.split("\n");
  return refusalIn(Number(status), text);
}

test("curl reads the refusal if it expects a 100 first, sends at once, or streams", async () => {
  expect(await curl("--data-binary", `@${file}`)).toEqual(tooLarge);
  expect(await curl("-H", "Expect:", "--data-binary", `@${file}`)).toEqual(tooLarge);
  const chunked = ["-H", "Expect:", "-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", file];
  expect(await curl(...chunked)).toEqual(tooLarge);
});

test("refused bodies are not kept in memory: twenty at the same time add less than 150 MiB", async () => {
  const before = process.memoryUsage().rss;
  let peak = before;
  const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  const streams = Array.from({ length: 20 }, () =>
    curl("-H", "Expect:", "-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", file),
  );
  expect(await Promise.all(streams)).toEqual(streams.map(() => tooLarge));
  clearInterval(watching);
  expect(peak - before).toBeLessThan(150 * mebibyte);
});

test("the connection of a client that never stops sending is closed", async () => {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve("closed")));
  socket.on("error", () => undefined);
  const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${named.join("")}`);
  socket.write("transfer-encoding: chunked\r\n\r\n");
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const sending = setInterval(() => socket.writable && socket.write(chunk), 1);
  expect(await closed).toBe("closed");
  clearInterval(sending);
}, 30_000);

test("a body that is not UTF-8 is refused, and its bytes are not replaced", async () => {
  const text = JSON.stringify(chat("caf\u00e9"));
  const refusal = await post(Buffer.from(text, "latin1"));
  expect(refusal).toMatchObject({ status: 400, code: "invalid_json" });
  expect(refusal.message).toContain("UTF-8");
});
