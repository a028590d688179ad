import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { callProvider, embed } from "../provider.contract.ts";
import { connections, events, json, serve, stopServing } from "../wire/answering-server.fixture.ts";
import { answerBytesMax, eventBytesMax } from "../wire/answer-limit.ts";

const mebibyte = 1_024 * 1_024;

afterEach(stopServing);

/** Sends the piece again and again, at the pace of the reader, until the connection is closed. */
function endlessly(response: ServerResponse, piece: string, sent: { bytes: number }): void {
  const more = (): void => {
    while (!response.destroyed) {
      sent.bytes += piece.length;
      if (!response.write(piece)) return void response.once("drain", more);
    }
  };
  more();
}

test("a stream of several choices that is aborted after the first is cut, and not answered", async () => {
  const choice = { index: 0, delta: { content: "one" }, finish_reason: "stop" };
  const aborting = new AbortController();
  const slow = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${JSON.stringify({ choices: [choice] })}\n\n`);
    setTimeout(() => aborting.abort(), 50);
  });
  const call = { answers: 2, signal: aborting.signal };
  const { end } = await callProvider(slow, { prompt: "x", stream: true, call });
  expect(end).toMatchObject({ kind: "cut", code: "aborted" });
});

test("a stream that is aborted before its first event is aborted, and not a lost connection", async () => {
  const aborting = new AbortController();
  const silent = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    setTimeout(() => aborting.abort(), 50);
  });
  const call = { signal: aborting.signal };
  const { end } = await callProvider(silent, { prompt: "x", stream: true, call });
  expect(end).toEqual({ kind: "lost", code: "aborted" });
});

describe("an answer without end", () => {
  const cases = [
    ["a whole answer", "application/json", "x".repeat(65_536), answerBytesMax, false],
    ["one event", "text/event-stream", "x".repeat(65_536), eventBytesMax, true],
    [
      "lines that end no event",
      "text/event-stream",
      "data: {}\n".repeat(8_192),
      eventBytesMax,
      true,
    ],
  ] as const;
  test.each(cases)("is ended at its limit: %s", async (_, type, piece, bytesMax, stream) => {
    const sent = { bytes: 0 };
    const endless = await serve((_request, response) => {
      response.writeHead(200, { "content-type": type });
      endlessly(response, piece, sent);
    });
    const { end } = await callProvider(endless, { prompt: "x", stream });
    expect(end).toEqual({ kind: "lost", code: "answer_too_long" });
    await expect.poll(() => connections(), { timeout: 10_000 }).toBe(0);
    // What was sent and not read is in the buffers of both sockets.
    expect(sent.bytes).toBeLessThan(bytesMax + 16 * mebibyte);
  });

  test("is cut if it is a stream, and keeps the text that is to be metered", async () => {
    const text = "word ".repeat(50_000);
    const chunk = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
    const endless = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      endlessly(response, chunk, { bytes: 0 });
    });
    const { end, parts } = await callProvider(endless, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut", code: "answer_too_long" });
    if (end.kind !== "cut") return;
    const { length } = end.answer.choices[0]?.content ?? "";
    expect(length).toBeGreaterThan(answerBytesMax - mebibyte);
    expect(length).toBeLessThanOrEqual(answerBytesMax + mebibyte);
    expect(parts.length).toBeLessThanOrEqual(answerBytesMax / text.length);
  });

  test("is ended if its chunks have no text that is counted, but are kept for the reader", async () => {
    for (const [member, kind] of [
      ["padding", "lost"],
      ["reasoning_content", "cut"],
    ] as const) {
      const choice = { index: 0, delta: { [member]: "x".repeat(65_536) } };
      const chunk = `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
      // oxlint-disable-next-line no-await-in-loop -- one server after the other
      const endless = await serve((_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        endlessly(response, chunk, { bytes: 0 });
      });
      // oxlint-disable-next-line no-await-in-loop -- as above
      const { end } = await callProvider(endless, { prompt: "x", stream: true });
      expect(end).toMatchObject({ kind, code: "answer_too_long" });
    }
  });

  test("is ended if it is the body of a refusal, which costs nothing as any refusal", async () => {
    const endless = await serve((_request, response) => {
      response.writeHead(429, { "content-type": "application/json", "retry-after": "3" });
      endlessly(response, "\n\n".repeat(32_768), { bytes: 0 });
    });
    const { end } = await callProvider(endless, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "refused", code: "rate_limited", retryAfterMs: 3_000 });
  });

  test("is ended if it is one of embeddings", async () => {
    const endless = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      endlessly(response, "1,".repeat(32_768), { bytes: 0 });
    });
    expect(await embed(endless, ["x"])).toEqual({ kind: "lost", code: "answer_too_long" });
  });
});

describe("an answer that came whole is accepted", () => {
  const message = { role: "assistant", content: "Seen" };

  test("if the provider ignores n, because it is billed and a repeat would be billed again", async () => {
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const usage = { prompt_tokens: 4, completion_tokens: 2 };
    const settings = { prompt: "x", parameters: { n: 3 }, answers: 3 };
    const whole = await callProvider(await serve(json({ choices, usage })), settings);
    expect(whole.end).toMatchObject({ kind: "answered", usage: { usage: { outputTokens: 2n } } });
  });

  test("if the provider of a stream ignores n", async () => {
    const chunks = [{ choices: [{ index: 0, delta: message, finish_reason: "stop" }] }];
    const settings = { prompt: "x", parameters: { n: 3 }, answers: 3, stream: true };
    const { end } = await callProvider(await serve(events(...chunks)), settings);
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "Seen" }] } });
  });

  test("if it has no finish reason", async () => {
    const choices = [{ index: 0, message, finish_reason: null }];
    const { end } = await callProvider(await serve(json({ choices })), { prompt: "x" });
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "Seen" }] } });
  });

  test("if values have other types", async () => {
    const choices = [{ index: null, message, finish_reason: "stop" }];
    const odd = {
      created: 1_700_000_000.5,
      model: 4,
      system_fingerprint: 7,
      usage: "free",
      choices,
    };
    const { end } = await callProvider(await serve(json(odd)), { prompt: "x" });
    expect(end).toMatchObject({
      kind: "answered",
      usage: null,
      answer: {
        ...{ createdAt: 1_700_000_000_500, providerModel: "4", systemFingerprint: "7" },
        choices: [{ index: 0, content: "Seen" }],
      },
    });
  });
});

describe("a stream without a finish reason", () => {
  const chunk = { choices: [{ index: 0, delta: { content: "Hm" }, finish_reason: "" }] };

  test("is whole if the provider says that it is at its end, and its reader learns so", async () => {
    const provider = await serve(events(chunk));
    const { end, parts } = await callProvider(provider, { prompt: "x", stream: true });
    expect(end).toMatchObject({
      ...{ kind: "answered", answer: { choices: [{ content: "Hm", finishReason: "stop" }] } },
    });
    expect(parts.at(-1)).toEqual([{ kind: "end", choice: 0, reason: "stop" }]);
  });

  test("is cut if it only ends, because its end is missing", async () => {
    const provider = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`data: ${JSON.stringify(chunk)}\n\n`);
    });
    const { end } = await callProvider(provider, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut", code: "connection_lost" });
  });
});

test("an idle connection is closed before common servers close theirs, so that no call is lost on it", async () => {
  const answer = json({ choices: [{ message: { content: "x" }, finish_reason: "stop" }] });
  const sockets: Socket[] = [];
  const answering = await serve((request, response) => {
    sockets.push(request.socket);
    answer(request, response);
  });
  await callProvider(answering, { prompt: "x" });
  await callProvider(answering, { prompt: "x" });
  expect(new Set(sockets).size).toBe(1);
  const [socket] = sockets;
  const inFiveSeconds = new Promise((resolve) => setTimeout(resolve, 5_000));
  if (socket && !socket.destroyed) await Promise.race([once(socket, "close"), inFiveSeconds]);
  expect(socket?.destroyed).toBe(true);
  const { end } = await callProvider(answering, { prompt: "x" });
  expect(end.kind).toBe("answered");
  expect(new Set(sockets).size).toBe(2);
});
