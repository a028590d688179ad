import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync, constants } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { authorization, closedText, headOf, RunningEdge } from "../running-edge.fixture.ts";

const waitMs = { timeout: 20_000 };
const mebibyte = 1_024 * 1_024;
const json = JSON.stringify(chat("Packed?"));
const keyed = [`authorization: ${authorization}`, "connection: close"];

let edge: RunningEdge;
afterEach(() => edge.abandon());

function chat(content: string): object {
  return { model: "auto", messages: [{ role: "user", content }] };
}

async function answered(body: Uint8Array<ArrayBuffer> | string, encoding: string) {
  const answering = edge.fetchChat(body, { "content-encoding": encoding });
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.answerAll();
  return answering;
}

test.each(["gzip", "GZIP", "x-gzip", "gzip, identity", " , gzip"])(
  "a body with content-encoding '%s' is unpacked",
  async (encoding) => {
    edge = await RunningEdge.start();
    expect((await answered(gzipSync(json), encoding)).status).toBe(200);
    expect(edge.admitted[0]!.request.messages[0]!.content).toBe("Packed?");
  },
);

test.each(["identity", "Identity", ""])(
  "a body with content-encoding '%s' is read as it is",
  async (encoding) => {
    edge = await RunningEdge.start();
    expect((await answered(json, encoding)).status).toBe(200);
  },
);

test("a body of several gzip members is one body", async () => {
  edge = await RunningEdge.start();
  const parts = Buffer.concat([gzipSync(json.slice(0, 20)), gzipSync(json.slice(20))]);
  expect((await answered(parts, "gzip")).status).toBe(200);
});

test("a body in gzip is read in chunks of one byte", async () => {
  edge = await RunningEdge.start();
  const socket = await edge.open(
    "POST /v1/chat/completions HTTP/1.1",
    ...["host: x", ...keyed, "content-type: application/json", "content-encoding: gzip"],
    ...["transfer-encoding: chunked", "", ""],
  );
  for (const byte of gzipSync(json))
    socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
  socket.write("0\r\n\r\n");
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  await edge.answerAll();
  expect(await closedText(socket)).toContain("HTTP/1.1 200 ");
});

test.each([
  ["deflate", deflateSync(json), "'deflate'"],
  ["br", brotliCompressSync(json), "'br'"],
  ["zstd", zstdCompressSync(json), "'zstd'"],
  ["gzip, gzip", gzipSync(gzipSync(json)), "'gzip, gzip'"],
  ["deflate, gzip", gzipSync(deflateSync(json)), "'deflate, gzip'"],
  ["nonsense", Buffer.from(json), "'nonsense'"],
])(
  "a body with content-encoding '%s' is a 415 that names it and what is accepted",
  async (encoding, body, named) => {
    edge = await RunningEdge.start();
    const { status, error, headers } = await edge.fetchChat(body, { "content-encoding": encoding });
    expect(status).toBe(415);
    expect(error).toMatchObject({ code: "unsupported_content_encoding" });
    expect(error!.message).toContain(named);
    expect(error!.message).toContain("gzip");
    expect(headers.get("accept-encoding")).toBe("gzip, identity");
    expect(edge.logged).toEqual([]);
  },
);

const good = gzipSync(json);
const wrongCrc = Buffer.from(good);
wrongCrc[wrongCrc.length - 6]! ^= 1;

test.each([
  ["is not packed at all", Buffer.from(json)],
  ["is empty", Buffer.alloc(0)],
  ["ends too early", good.subarray(0, good.length - 9)],
  ["has a wrong checksum", wrongCrc],
  ["is followed by other bytes", Buffer.concat([good, Buffer.from("more")])],
  ["is followed by zeros", Buffer.concat([good, Buffer.alloc(10)])],
  [
    "unpacks to bytes that are not UTF-8",
    gzipSync(Buffer.from(json.replace("P", "\u00e9"), "latin1")),
  ],
  ["unpacks to text that is not JSON", gzipSync("no")],
  ["unpacks to nothing", gzipSync("")],
])("a body in gzip that %s is a 400, and not a defect", async (_, body) => {
  edge = await RunningEdge.start();
  const { status, error } = await edge.fetchChat(body, { "content-encoding": "gzip" });
  expect([status, error?.code]).toEqual([400, "invalid_json"]);
  expect(edge.logged).toEqual([]);
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
});

test.each([
  ["200 MiB of zeros", gzipSync(Buffer.alloc(200 * mebibyte), { level: 9 })],
  ["one byte more than a body may have", gzipSync(Buffer.alloc(768 * 1_024 + 1, " "))],
  ["many members", Buffer.concat(Array.from({ length: 1_000 }, () => gzipSync(" ".repeat(2_000))))],
])("a body that unpacks to %s is a 413, and holds no memory", async (_, body) => {
  edge = await RunningEdge.start();
  const { status, error } = await edge.fetchChat(body, { "content-encoding": "gzip" });
  expect([status, error?.code]).toEqual([413, "body_too_large"]);
  expect(error!.message).toContain("unpacks to more than 768 KiB");
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
  expect(edge.logged).toEqual([]);
});

test("a body may unpack to exactly what a body may have", async () => {
  edge = await RunningEdge.start();
  const spaces = " ".repeat(768 * 1_024 - json.length);
  expect((await answered(gzipSync(json + spaces), "gzip")).status).toBe(200);
});

test("bytes that unpack to nothing are read up to the limit of a body only", async () => {
  edge = await RunningEdge.start();
  const empty = gzipSync("", { strategy: constants.Z_HUFFMAN_ONLY });
  const count = Math.ceil((768 * 1_024) / empty.length) + 1;
  const { status, error } = await edge.fetchChat(
    Buffer.concat(Array.from({ length: count }, () => empty)),
    { "content-encoding": "gzip" },
  );
  expect([status, error?.code]).toEqual([413, "body_too_large"]);
});

test("the budget counts what a body may unpack to, and then what it has unpacked to", async () => {
  edge = await RunningEdge.start();
  const long = JSON.stringify(chat("x".repeat(100_000)));
  const packed = gzipSync(long);
  const lines = headOf("/v1/chat/completions", packed.length, [...keyed, "content-encoding: gzip"]);
  const socket = await edge.open(...lines, "", "");
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(packed.length + 768 * 1_024);
  socket.write(packed);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  expect(await edge.metric("http_held_bytes")).toBe(long.length);
  await edge.answerAll();
  expect(await closedText(socket)).toContain("HTTP/1.1 200 ");
  await expect.poll(() => edge.metric("http_held_bytes"), waitMs).toBe(0);
});

test("a client without a key is refused before its body is unpacked", async () => {
  edge = await RunningEdge.start();
  const bomb = gzipSync(Buffer.alloc(200 * mebibyte), { level: 9 });
  const headers = { authorization: "Bearer no", "content-encoding": "gzip" };
  expect((await edge.fetchChat(bomb, headers)).status).toBe(401);
  const other = { authorization: "Bearer no", "content-encoding": "br" };
  expect((await edge.fetchChat(json, other)).status).toBe(401);
});
