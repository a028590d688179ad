import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SystemClock } from "@sluice/domain";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { OpenAiProvider } from "./openai-provider.ts";
import { choicesOf } from "../../attempt/chunk-choices.ts";
import { callProvider, embeddingsContract, providerContract } from "../provider.contract.ts";
import { type Simulator, startSimulator } from "../wire/simulator.fixture.ts";

const key = "sk-test";
const timeouts = { connectMs: 2_000, silenceMs: 600, beginMs: 1_200 };

let simulator: Simulator;
let provider: OpenAiProvider;
beforeAll(async () => {
  simulator = await startSimulator(key);
  provider = providerAt(`${simulator.url}/v1`);
});
afterAll(async () => {
  provider.close();
  await simulator.stop();
});

function providerAt(baseUrl: string, keys = [key]): OpenAiProvider {
  return new OpenAiProvider([{ id: "acme-ai", baseUrl, keys }], timeouts, new SystemClock());
}

providerContract("the openai package against the simulator", () => provider);
embeddingsContract("the openai package against the simulator", () => provider);

describe("a call of the provider", () => {
  test("is billed once, under its attempt id, for the usage that the adapter read", async () => {
    const attemptId = crypto.randomUUID();
    const { end } = await callProvider(provider, {
      prompt: "Billed?",
      stream: true,
      call: { attemptId },
    });
    const billed = (await simulator.bill()).find((attempt) => attempt.attemptId === attemptId);
    expect(billed).toMatchObject({ calls: 1, billedCalls: 1 });
    if (end.kind !== "answered" || !billed) throw new Error("The provider did not answer.");
    expect(end.usage?.usage).toMatchObject({
      inputTokens: BigInt(billed.usage.inputTokens),
      outputTokens: BigInt(billed.usage.outputTokens),
    });
  });

  test("is not retried by the client after a refusal", async () => {
    const attemptId = crypto.randomUUID();
    await callProvider(provider, { prompt: "[[fault:500]] once", call: { attemptId } });
    const billed = (await simulator.bill()).find((attempt) => attempt.attemptId === attemptId);
    expect(billed).toMatchObject({ calls: 1, billedCalls: 0 });
  });

  test("is closed at the provider after it was aborted", async () => {
    const attemptId = crypto.randomUUID();
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 30);
    const call = { attemptId, signal: leaving.signal };
    await callProvider(provider, { prompt: "[[fault:hang]] left", call });
    await expect
      .poll(async () => (await simulator.bill()).find((one) => one.attemptId === attemptId)?.open)
      .toBe(0);
  });

  test("has its own code for a wrong key, an unknown model and an invalid parameter", async () => {
    const withWrongKey = providerAt(`${simulator.url}/v1`, ["sk-wrong"]);
    expect((await callProvider(withWrongKey, { prompt: "x" })).end).toMatchObject({
      code: "unauthorized",
    });
    withWrongKey.close();
    const body = { model: "none", messages: [{ role: "user", content: "x" }] };
    expect((await callProvider(provider, { prompt: "x", call: { body } })).end).toMatchObject({
      code: "model_unknown",
    });
    expect((await callProvider(provider, { prompt: "x", parameters: { n: 0 } })).end).toMatchObject(
      {
        kind: "refused",
        code: "request_refused",
        status: 400,
      },
    );
  });

  test("returns several answers if several are requested", async () => {
    const settings = { prompt: "Two, please.", stream: true, parameters: { n: 2 }, answers: 2 };
    const { end } = await callProvider(provider, settings);
    if (end.kind !== "answered") throw new Error("The provider did not answer.");
    expect(end.answer.choices.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("returns tool calls as an answer", async () => {
    const tools = [{ type: "function", function: { name: "look", parameters: {} } }];
    const { end } = await callProvider(provider, {
      prompt: "Look.",
      stream: true,
      parameters: { tools, tool_choice: "required" },
    });
    if (end.kind !== "answered") throw new Error("The provider did not answer.");
    expect(end.answer.choices[0]?.toolCalls).toContain('"name":"look"');
  });
});

describe("on a connection", () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
  });

  async function serve(listener: RequestListener): Promise<OpenAiProvider> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    return providerAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  }

  test("a call that gets no connection is refused and costs nothing", async () => {
    const unreachable = providerAt("http://127.0.0.1:1/v1");
    expect((await callProvider(unreachable, { prompt: "x" })).end).toMatchObject({
      kind: "refused",
      code: "unreachable",
      status: null,
    });
  });

  test("a host name that does not exist is refused and costs nothing", async () => {
    const unreachable = providerAt("http://nobody.invalid/v1");
    expect((await callProvider(unreachable, { prompt: "x" })).end).toMatchObject({
      code: "unreachable",
    });
  });

  test("a connection that breaks after the request was sent loses the call, whose cost is unknown", async () => {
    const cutting = await serve((request) => request.socket.destroy());
    expect((await callProvider(cutting, { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "connection_lost",
    });
  });

  test("a whole answer that breaks off loses the call", async () => {
    const cutting = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "999" });
      response.write('{"choices":');
      setTimeout(() => response.destroy(), 20);
    });
    expect((await callProvider(cutting, { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "connection_lost",
    });
  });

  test("a whole answer may take longer than a stream may be silent, up to its own limit", async () => {
    const answerAfter = (delayMs: number) =>
      serve((_, response) => {
        const message = { role: "assistant", content: "At last" };
        const choices = [{ index: 0, message, finish_reason: "stop" }];
        response.writeHead(200, { "content-type": "application/json" });
        setTimeout(() => response.end(JSON.stringify({ model: "m", choices })), delayMs);
      });
    expect((await callProvider(await answerAfter(900), { prompt: "x" })).end.kind).toBe("answered");
    server?.closeAllConnections();
    server?.close();
    expect((await callProvider(await answerAfter(5_000), { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "timed_out",
    });
  });

  test("a stream that becomes silent is cut and keeps the text that arrived", async () => {
    const silent = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"Hm"}}]}\n\n');
    });
    const { end } = await callProvider(silent, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut", code: "timed_out" });
  });

  test("a stream with all its answers is complete, even if it breaks before its usage and its end", async () => {
    const abrupt = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        'data: {"model":"m","choices":[{"index":0,"delta":{"content":"Done"},"finish_reason":"stop"}]}\n\n',
      );
      setTimeout(() => response.destroy(), 20);
    });
    const { end } = await callProvider(abrupt, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "answered", usage: null });
  });

  test("a streamed choice whose provider omits finish_reason has it as null, as strict clients require", async () => {
    const terse = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"Hm"}}]}\n\n');
      response.end(
        'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
      );
    });
    const { parts } = await callProvider(terse, { prompt: "x", stream: true });
    expect(parts.map(choicesOf)).toEqual([
      [{ index: 0, delta: { content: "Hm" }, finish_reason: null }],
      [{ index: 0, delta: {}, finish_reason: "stop" }],
    ]);
  });

  test("a stream with an error event is cut", async () => {
    const failing = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"Hm"}}]}\n\n');
      response.end('data: {"error":{"message":"overloaded"}}\n\n');
    });
    const { end } = await callProvider(failing, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut" });
  });
});
