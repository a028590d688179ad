import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SystemClock } from "@sluice/domain";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { OpenAiProvider } from "./openai-provider.ts";
import { ask, providerContract } from "../provider.contract.ts";
import { type Simulator, startSimulator } from "./simulator.fixture.ts";

const key = "sk-test";
const timeouts = { connectMs: 2_000, silenceMs: 600, wholeMs: 1_200 };

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

providerContract("by the openai package, against the simulator", () => provider);

describe("what the provider is told and bills", () => {
  test("each call is billed once, under its attempt id, for the usage that we read", async () => {
    const attemptId = crypto.randomUUID();
    const { end } = await ask(provider, { prompt: "Billed?", stream: true, call: { attemptId } });
    const billed = (await simulator.bill()).find((attempt) => attempt.attemptId === attemptId);
    expect(billed).toMatchObject({ calls: 1, billedCalls: 1 });
    if (end.kind !== "answered" || !billed) throw new Error("not answered");
    expect(end.usage?.usage).toMatchObject({
      inputTokens: BigInt(billed.usage.inputTokens),
      outputTokens: BigInt(billed.usage.outputTokens),
    });
  });

  test("a refusal is not tried again behind our back", async () => {
    const attemptId = crypto.randomUUID();
    await ask(provider, { prompt: "[[fault:500]] once", call: { attemptId } });
    const billed = (await simulator.bill()).find((attempt) => attempt.attemptId === attemptId);
    expect(billed).toMatchObject({ calls: 1, billedCalls: 0 });
  });

  test("a call that we leave is open no longer", async () => {
    const attemptId = crypto.randomUUID();
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 30);
    const call = { attemptId, signal: leaving.signal };
    await ask(provider, { prompt: "[[fault:hang]] left", call });
    await expect
      .poll(async () => (await simulator.bill()).find((one) => one.attemptId === attemptId)?.open)
      .toBe(0);
  });

  test("a wrong key, an unknown model and a bad parameter are told apart", async () => {
    const stranger = providerAt(`${simulator.url}/v1`, ["sk-wrong"]);
    expect((await ask(stranger, { prompt: "x" })).end).toMatchObject({ code: "unauthorized" });
    stranger.close();
    const body = { model: "none", messages: [{ role: "user", content: "x" }] };
    expect((await ask(provider, { prompt: "x", call: { body } })).end).toMatchObject({
      code: "model_unknown",
    });
    expect((await ask(provider, { prompt: "x", parameters: { n: 0 } })).end).toMatchObject({
      kind: "refused",
      code: "request_refused",
      status: 400,
    });
  });

  test("several answers come with one call", async () => {
    const asked = { prompt: "Two, please.", stream: true, parameters: { n: 2 }, answers: 2 };
    const { end } = await ask(provider, asked);
    if (end.kind !== "answered") throw new Error("not answered");
    expect(end.answer.choices.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("a tool call is an answer", async () => {
    const tools = [{ type: "function", function: { name: "look", parameters: {} } }];
    const { end } = await ask(provider, {
      prompt: "Look.",
      stream: true,
      parameters: { tools, tool_choice: "required" },
    });
    if (end.kind !== "answered") throw new Error("not answered");
    expect(end.answer.choices[0]?.toolCalls).toContain('"name":"look"');
  });
});

describe("on the wire", () => {
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

  test("no connection costs nothing", async () => {
    const nobody = providerAt("http://127.0.0.1:1/v1");
    expect((await ask(nobody, { prompt: "x" })).end).toMatchObject({
      kind: "refused",
      code: "unreachable",
      status: null,
    });
  });

  test("a name that nobody has costs nothing", async () => {
    const nobody = providerAt("http://nobody.invalid/v1");
    expect((await ask(nobody, { prompt: "x" })).end).toMatchObject({ code: "unreachable" });
  });

  test("a connection that breaks after the request was sent leaves its cost unknown", async () => {
    const cutting = await serve((request) => request.socket.destroy());
    expect((await ask(cutting, { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "connection_lost",
    });
  });

  test("a whole answer that breaks off is lost", async () => {
    const cutting = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "999" });
      response.write('{"choices":');
      setTimeout(() => response.destroy(), 20);
    });
    expect((await ask(cutting, { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "connection_lost",
    });
  });

  test("a whole answer may take longer than a stream may be silent, up to a limit of its own", async () => {
    const answerAfter = (delayMs: number) =>
      serve((_, response) => {
        const message = { role: "assistant", content: "At last" };
        const choices = [{ index: 0, message, finish_reason: "stop" }];
        response.writeHead(200, { "content-type": "application/json" });
        setTimeout(() => response.end(JSON.stringify({ model: "m", choices })), delayMs);
      });
    expect((await ask(await answerAfter(900), { prompt: "x" })).end.kind).toBe("answered");
    server?.closeAllConnections();
    server?.close();
    expect((await ask(await answerAfter(5_000), { prompt: "x" })).end).toEqual({
      kind: "lost",
      code: "timed_out",
    });
  });

  test("a stream that falls silent is cut after what it said", async () => {
    const silent = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"Hm"}}]}\n\n');
    });
    const { end } = await ask(silent, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut", code: "timed_out" });
  });

  test("a stream whose answers are all there is an answer, also without usage or end", async () => {
    const abrupt = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        'data: {"model":"m","choices":[{"index":0,"delta":{"content":"Done"},"finish_reason":"stop"}]}\n\n',
      );
      setTimeout(() => response.destroy(), 20);
    });
    const { end } = await ask(abrupt, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "answered", usage: null });
  });

  test("an error in the middle of a stream is no answer", async () => {
    const failing = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"Hm"}}]}\n\n');
      response.end('data: {"error":{"message":"overloaded"}}\n\n');
    });
    const { end } = await ask(failing, { prompt: "x", stream: true });
    expect(end).toMatchObject({ kind: "cut" });
  });
});
