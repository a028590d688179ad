import { describe, expect, test } from "vitest";
import { AnswerValues, documentIn, UnreadableAnswer, type WireEvent } from "./event-stream.ts";

const chunk = { choices: [{ delta: { content: "é" } }] };
const json = JSON.stringify(chunk);
const isDone = ({ data }: WireEvent) => data.trim() === "[DONE]";

function streamOf(...pieces: readonly (string | Uint8Array)[]): Response {
  const bytes = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
  const headers = { "content-type": "text/event-stream" };
  return new Response(ReadableStream.from(bytes), { headers });
}

async function valuesIn(response: Response): Promise<readonly unknown[]> {
  const values: unknown[] = [];
  for await (const value of new AnswerValues(response, isDone).read()) values.push(value);
  return values;
}

describe("the values of a stream", () => {
  test.each([
    ["events without data", `data:\n\ndata: ${json}\n\ndata: \n\ndata: [DONE]\n\n`],
    ["comments and other fields", `: hi\n\nid: 1\nretry: 5\ndata: ${json}\n\ndata: [DONE]\n\n`],
    ["texts that are not JSON", `data: ping\n\nevent: ping\ndata: .\n\ndata: ${json}\n\n`],
    ["lines that end with CR LF", `data: ${json}\r\n\r\ndata: [DONE]\r\n\r\n`],
    ["a byte order mark", `\uFEFFdata: ${json}\n\n`],
    ["JSON over several lines", `${JSON.stringify(chunk, null, 1).replace(/^/gm, "data: ")}\n\n`],
    ["no space behind the colon", `data:${json}\n\ndata:[DONE]\n\n`],
    ["no empty line behind the last event", `data: ${json}`],
    ["more behind the end", `data: ${json}\n\ndata: [DONE]\n\ndata: {"late":1}\n\n`],
  ])("are read from one with %s", async (_, text) => {
    expect(await valuesIn(streamOf(text))).toEqual([chunk]);
  });

  test("are whole, however the bytes are divided", async () => {
    const bytes = Buffer.from(`data: ${json}\n\n`);
    for (let split = 0; split <= bytes.length; split += 1)
      // oxlint-disable-next-line no-await-in-loop -- in order
      expect(await valuesIn(streamOf(bytes.subarray(0, split), bytes.subarray(split)))).toEqual([
        chunk,
      ]);
  });

  test.each([
    ["JSON", '{"message":"Busy"}', { error: { message: "Busy" } }],
    ["JSON with the member", '{"error":{"message":"Busy"}}', { error: { message: "Busy" } }],
    ["a text", "Busy", { error: "Busy" }],
  ])("include the error of an event of that name, in %s", async (_, data, value) => {
    expect(await valuesIn(streamOf(`event: error\ndata: ${data}\n\n`))).toEqual([value]);
  });

  test.each(["application/json", "text/event-stream", "text/plain", ""])(
    "are distinguished from one document by the first character, with the content type %j",
    async (type) => {
      const headers = { "content-type": type };
      expect(await valuesIn(new Response(json, { headers }))).toEqual([chunk]);
      expect(await valuesIn(new Response(`\uFEFF \n${json}\n`, { headers }))).toEqual([chunk]);
      expect(await valuesIn(new Response(`\n\ndata: ${json}\n\n`, { headers }))).toEqual([chunk]);
      await expect(valuesIn(new Response("<html>", { headers }))).rejects.toThrow(UnreadableAnswer);
    },
  );

  test.each([
    [`data: ${json}\n\ndata: [DONE]\n\n`, true],
    [`data: ${json}\n\n`, false],
    [json, true],
    ["", false],
  ])("are complete only if the provider says so: %j", async (text, isComplete) => {
    const values = new AnswerValues(streamOf(text), isDone);
    for await (const value of values.read()) expect(value).toEqual(chunk);
    expect(values.isComplete).toBe(isComplete);
  });

  test("do not wait for a server that keeps the connection open behind the end", async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from(`data: ${json}\n\ndata: [DONE]\n\n`)),
      cancel: () => {
        isCancelled = true;
      },
    });
    expect(await valuesIn(new Response(body))).toEqual([chunk]);
    expect(isCancelled).toBe(true);
  });

  test("are damaged if their JSON is, which must not be skipped as a sign of life", async () => {
    await expect(valuesIn(streamOf(`data: ${json.slice(0, -1)}\n\n`))).rejects.toThrow(
      UnreadableAnswer,
    );
  });
});

test("a whole answer that is not JSON is unreadable, and the fault does not quote it", async () => {
  await expect(documentIn(new Response("<html>secret"))).rejects.toThrow(UnreadableAnswer);
  await expect(documentIn(new Response("<html>secret"))).rejects.not.toThrow(/secret/);
});
