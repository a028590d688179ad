import { afterEach, expect, test } from "vitest";
import { authorization, closedText, RunningEdge } from "../running-edge.fixture.ts";

const waitMs = { timeout: 20_000 };
const body = JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Grüße?" }] });

let edge: RunningEdge;
afterEach(() => edge.abandon());

async function posted(sent: string, headers: readonly string[]): Promise<string> {
  const socket = await edge.open(
    "POST /v1/chat/completions HTTP/1.1",
    ...["host: x", `authorization: ${authorization}`, "connection: close"],
    `content-length: ${Buffer.byteLength(sent)}`,
    ...headers,
    "",
    sent,
  );
  return closedText(socket);
}

test.each([
  "application/json",
  "Application/JSON",
  "application/json; charset=utf-8",
  'application/json;charset="UTF-8"',
  "application/json ; charset=utf8",
  "application/json; profile=x",
])("a body of the type %s is read", async (type) => {
  edge = await RunningEdge.start();
  const answering = posted(body, [`content-type: ${type}`]);
  await expect.poll(() => edge.admitted.length, waitMs).toBe(1);
  expect(edge.admitted[0]!.request.messages[0]!.content).toBe("Grüße?");
  await edge.answerAll();
  expect(await answering).toContain("HTTP/1.1 200 ");
});

test.each([
  ["content-type: application/x-www-form-urlencoded", "'application/x-www-form-urlencoded'"],
  ["content-type: text/plain", "'text/plain'"],
  ["content-type: text/plain; charset=utf-8", "'text/plain; charset=utf-8'"],
  ["content-type: text/json", "'text/json'"],
  ["content-type: application/ld+json", "'application/ld+json'"],
  ["content-type: application/jsonl", "'application/jsonl'"],
  ["content-type: multipart/form-data; boundary=x", "'multipart/form-data; boundary=x'"],
  ["content-type: application/json, text/plain", "'application/json, text/plain'"],
  ["content-type: nonsense", "'nonsense'"],
  ["content-type: ", "no content type"],
  ["x: no type at all", "no content type"],
  ["content-type: application/json;charset=latin1", "charset 'latin1'"],
  ['content-type: application/json; charset="UTF-16"', "charset 'UTF-16'"],
])("a body with '%s' is a 415 that names %s and the remedy", async (header, named) => {
  edge = await RunningEdge.start();
  const response = await posted(body, [header]);
  expect(response).toContain("HTTP/1.1 415 ");
  const error: unknown = JSON.parse(response.split("\r\n\r\n")[1]!);
  const message = expect.stringContaining(named);
  expect(error).toMatchObject({ error: { code: "unsupported_media_type", message } });
  expect(response).toContain("content-type: application/json");
  expect(edge.logged).toEqual([]);
});

test("a long type is shortened in the error", async () => {
  edge = await RunningEdge.start();
  const response = await posted(body, [`content-type: text/${"x".repeat(10_000)}`]);
  expect(response).toContain("HTTP/1.1 415 ");
  expect(response.length).toBeLessThan(1_000);
});

test.each([
  ["of length 0", "", ["content-length: 0"]],
  ["of length 0 with a type", "", ["content-length: 0", "content-type: application/json"]],
  ["that is not announced", "", []],
])("an empty body %s is a 400 that says so", async (_, sent, headers) => {
  edge = await RunningEdge.start();
  const socket = await edge.open(
    "POST /v1/chat/completions HTTP/1.1",
    ...["host: x", `authorization: ${authorization}`, "connection: close"],
    ...headers,
    "",
    sent,
  );
  expect(await closedText(socket)).toMatch(/HTTP\/1.1 400 [^]*"invalid_json"/);
});

test("a wrong type is refused before the body arrives, and a missing key before the type", async () => {
  edge = await RunningEdge.start();
  const lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", "content-type: text/plain"];
  const keyed = [...lines, `authorization: ${authorization}`];
  const rest = ["content-length: 700000", "connection: close", "", "{"];
  for (const [sent, status] of [
    [keyed, 415],
    [lines, 401],
  ] as const) {
    const socket = await edge.open(...sent, ...rest);
    const chunk = await new Promise((resolve) => socket.once("data", resolve));
    expect(String(chunk)).toContain(`HTTP/1.1 ${status} `);
  }
  expect(await edge.metric("http_held_bytes")).toBe(0);
});
