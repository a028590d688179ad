import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, {
  APIConnectionTimeoutError,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { controlKeyHeader } from "./control-access.ts";
import { isObject, type JsonObject } from "./json.ts";
import { startSimulator, type RunningSimulator } from "./server.ts";

const key = "sk-simulator-test";
const controlKey = "control-test";
const opened = { [controlKeyHeader]: controlKey };
const bearer = { authorization: `Bearer ${controlKey}` };
const folder = mkdtempSync(join(tmpdir(), "simulator-"));
const config = {
  host: "127.0.0.1",
  port: 0,
  key,
  controlKey,
  speed: 50,
  scriptPath: undefined,
  billPath: join(folder, "bill.jsonl"),
};
const prompt = {
  model: "sim-economy",
  messages: [{ role: "user" as const, content: "Name three rivers." }],
};

let simulator: RunningSimulator;
let client: OpenAI;
beforeAll(async () => {
  simulator = await startSimulator(config);
  client = clientWith(key);
});
afterAll(async () => {
  await simulator.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => void (await control("DELETE", "/bill")));
afterEach(async () => void (await control("DELETE", "/script")));

describe("the routes that control the simulator", () => {
  const routes = [
    "GET /bill",
    "DELETE /bill",
    "GET /bill/a1",
    "GET /calls/r.1",
    "POST /script",
    "DELETE /script",
    "GET /unknown",
  ];

  it.each(routes)(
    "%s is refused without the key, with a wrong one, and with the key of /v1",
    async (route) => {
      const [method = "", path = ""] = route.split(" ");
      const given = [{}, { [controlKeyHeader]: "guessed" }, { [controlKeyHeader]: key }, bearer];
      for (const headers of given) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        const response = await fetch(`${simulator.url}${path}`, { method, headers });
        expect(response.status).toBe(401);
        expect(await response.text()).toContain("invalid_control_key");
      }
    },
  );

  it("are closed if the simulator has no control key", async () => {
    const open = await startSimulator({ ...config, controlKey: undefined, billPath: undefined });
    const headers = { [controlKeyHeader]: "" };
    const response = await fetch(`${open.url}/bill`, { headers });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("SLUICE_SIMULATOR_CONTROL_KEY");
    await open.close();
  });

  it.each([
    ["rebound.example:19097", 421],
    ["rebound.example", 421],
    ["localhost:1", 200],
    ["simulator:19097", 200],
    ["[::1]:19097", 200],
  ])("the host %s is answered with %i", async (host, status) => {
    expect(await statusAs(host)).toBe(status);
  });
});

/** Returns the status of `GET /bill` with the key, for a request whose `Host` fetch would not send. */
async function statusAs(host: string): Promise<number | undefined> {
  const { port } = new URL(simulator.url);
  const headers = { host, ...opened };
  const sent = request({ host: "127.0.0.1", port, path: "/bill", headers }).end();
  const [answer]: IncomingMessage[] = await once(sent, "response");
  answer?.resume();
  return answer?.statusCode;
}

describe("the official client", () => {
  it("gets a complete answer whose usage equals the billed one", async () => {
    const completion = await client.chat.completions.create(prompt, named("a1"));
    expect(completion.choices[0]?.message.content).toMatch(/^\[simulated\] /);
    expect(completion.system_fingerprint).toBe("simulated");
    expect(await billed("a1")).toMatchObject({
      calls: 1,
      status: "billed",
      reason: "answered",
      stream: false,
      usage: {
        inputTokens: completion.usage?.prompt_tokens,
        outputTokens: completion.usage?.completion_tokens,
      },
      costNanoUsd: String(
        (completion.usage?.prompt_tokens ?? 0) * 150 +
          (completion.usage?.completion_tokens ?? 0) * 600,
      ),
    });
  });

  it("gets the same answer and usage as a stream", async () => {
    const whole = await client.chat.completions.create(prompt, named("a1"));
    const stream = await client.chat.completions.create(
      { ...prompt, stream: true, stream_options: { include_usage: true } },
      named("a2"),
    );
    let text = "";
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(usage).toEqual(whole.usage);
    const [first, second] = [await billed("a1"), await billed("a2")];
    expect(second).toMatchObject({ costNanoUsd: first["costNanoUsd"], stream: true });
  });

  it("assembles a streamed tool call and several choices", async () => {
    const tool = {
      type: "function" as const,
      function: {
        name: "pay",
        parameters: { type: "object", properties: { amount: { type: "integer" } } },
      },
    };
    const called = await client.chat.completions
      .stream({ ...prompt, tools: [tool], tool_choice: "required" })
      .finalChatCompletion();
    expect(called.choices[0]?.finish_reason).toBe("tool_calls");
    const [call] = called.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ type: "function", function: { name: "pay" } });

    const several = await client.chat.completions.stream({ ...prompt, n: 3 }).finalChatCompletion();
    expect(several.choices.map(({ message }) => message.content?.slice(0, 11))).toEqual(
      Array.from({ length: 3 }, () => "[simulated]"),
    );
  });

  it.each(["refusal", "content_filter"])(
    "gets a %s that a prompt requests, streamed or not",
    async (ending) => {
      const messages = [{ role: "user" as const, content: `Well? [[answer:${ending}]]` }];
      const body = { ...prompt, messages, logprobs: true, top_logprobs: 2 };
      const whole = await client.chat.completions.create(body);
      const streamed = await client.chat.completions.stream(body).finalChatCompletion();
      const [choice, streamedChoice] = [whole.choices[0], streamed.choices[0]];
      const isRefusal = ending === "refusal";
      expect(choice?.finish_reason).toBe(isRefusal ? "stop" : "content_filter");
      expect(choice?.message[isRefusal ? "refusal" : "content"]).toMatch(/^\[simulated\]/);
      expect(streamedChoice?.finish_reason).toBe(choice?.finish_reason);
      expect(streamedChoice?.message.refusal).toBe(choice?.message.refusal);
      expect(streamedChoice?.logprobs).toEqual(choice?.logprobs);
      const entries = choice?.logprobs?.[isRefusal ? "refusal" : "content"] ?? [];
      expect(entries[0]).toMatchObject({ token: "[simulated]", top_logprobs: [{}, {}] });
    },
  );

  it("finds its recorded call under the name in its prompt", async () => {
    const messages = [{ role: "user" as const, content: "Hi [[record:r.1]]", name: "ann" }];
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const { headers } = named("a1");
    const traced = { headers: { ...headers, traceparent } };
    await client.chat.completions.create({ ...prompt, messages, seed: 7 }, traced);
    const response = await control("GET", "/calls/r.1");
    expect(await response.json()).toEqual({
      ...{ simulated: true, attemptId: "a1", calls: 1, traceparent },
      body: { model: prompt.model, messages, seed: 7 },
    });
    expect((await fetch(`${simulator.url}/calls/r.2`, { headers: opened })).status).toBe(404);
    const misspelt = [{ role: "user" as const, content: "[[answer:no]]" }];
    await expect(
      client.chat.completions.create({ ...prompt, messages: misspelt }),
    ).rejects.toMatchObject({ code: "simulator_fault_malformed" });
  });

  it("gets the reasoning and cached tokens of a call", async () => {
    const content = "A long preamble is repeated here. ".repeat(200);
    const long = { model: "sim-premium", messages: [{ role: "user" as const, content }] };
    await client.chat.completions.create(long);
    const { usage } = await client.chat.completions.create(long, named("a1"));
    const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
    const reasoning = usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    expect(cached).toBeGreaterThanOrEqual(1_024);
    expect(reasoning).toBeGreaterThan(0);
    expect(await billed("a1")).toMatchObject({
      usage: {
        inputTokens: (usage?.prompt_tokens ?? 0) - cached,
        cachedInputTokens: cached,
        outputTokens: (usage?.completion_tokens ?? 0) - reasoning,
        reasoningTokens: reasoning,
      },
    });
  });

  it("lists the models", async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toContain("sim-economy-q4");
    expect((await client.models.retrieve("sim-premium")).id).toBe("sim-premium");
  });

  it("throws its own error classes for refusals, which cost nothing", async () => {
    await expect(clientWith("sk-wrong").models.list()).rejects.toThrow(AuthenticationError);
    await expect(client.chat.completions.create({ ...prompt, model: "gpt-x" })).rejects.toThrow(
      NotFoundError,
    );
    await expect(client.chat.completions.create(prompt, failing("a1", "418"))).rejects.toThrow(
      BadRequestError,
    );
    await expect(client.chat.completions.create(prompt, failing("a1", "500"))).rejects.toThrow(
      InternalServerError,
    );
    const limited: unknown = await client.chat.completions
      .create(prompt, failing("a1", "429;retry-after=2"))
      .catch((error: unknown) => error);
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited).toMatchObject({ code: "rate_limit_exceeded" });
    expect(limited instanceof APIError && limited.headers?.get("retry-after")).toBe("2");
    expect(await billed("a1")).toMatchObject({ calls: 2, status: "unbilled", costNanoUsd: "0" });
  });

  it("succeeds when it retries a prompt whose marker fails one call", async () => {
    const messages = [{ role: "user" as const, content: "Hi [[fault:429 times=1 retry-after=0]]" }];
    const retrying = client.withOptions({ maxRetries: 1 });
    await retrying.chat.completions.create({ ...prompt, messages }, named("a1"));
    expect(await billed("a1")).toMatchObject({ calls: 2, billedCalls: 1, reason: "answered" });
  });
});

describe("a call that fails after it has begun", () => {
  it("is billed for the tokens that a cut stream sent", async () => {
    const whole = await client.chat.completions.create(prompt, named("a0"));
    const stream = await client.chat.completions.create(
      { ...prompt, stream: true },
      failing("a1", "cut-stream;after=10"),
    );
    let text = "";
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    };
    await expect(read()).rejects.toThrow("terminated");
    expect(whole.choices[0]?.message.content?.startsWith(text)).toBe(true);
    const usage = { inputTokens: whole.usage?.prompt_tokens, outputTokens: 10 };
    expect(await billed("a1")).toMatchObject({ reason: "cut-stream", usage });
  });

  it("is billed for the sent tokens if the client leaves a stream", async () => {
    await control("POST", "/script", { models: { "sim-economy": { tokensPerSecond: 0.4 } } });
    const stream = await client.chat.completions.create({ ...prompt, stream: true }, named("a1"));
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const attempt = await ended("a1");
    expect(attempt).toMatchObject({ reason: "client-closed", status: "billed" });
    expect(attempt).toHaveProperty("usage.outputTokens", 4);
  });

  it("is billed in full if the client leaves before an answer in one piece", async () => {
    await control("POST", "/script", { models: { "sim-economy": { firstByteMs: 10_000 } } });
    const timeout = client.chat.completions.create(prompt, { ...named("a1"), timeout: 50 });
    await expect(timeout).rejects.toThrow(APIConnectionTimeoutError);
    expect(await ended("a1")).toMatchObject({ reason: "client-closed", billedCalls: 1 });
  });

  it("is billed in full if it is never answered after billing, and not billed if it hangs", async () => {
    for (const stream of [false, true])
      await expect(
        client.chat.completions.create(
          { ...prompt, stream },
          { ...failing("a1", "timeout-after-billing"), timeout: 300 },
        ),
      ).rejects.toThrow(APIConnectionTimeoutError);
    await expect(
      client.chat.completions.create(prompt, { ...failing("a2", "hang"), timeout: 300 }),
    ).rejects.toThrow(APIConnectionTimeoutError);
    expect(await ended("a1")).toMatchObject({ calls: 2, billedCalls: 2 });
    expect(await ended("a2")).toMatchObject({ status: "unbilled", costNanoUsd: "0" });
  });

  it("counts a second call with the same attempt id as a second billed call", async () => {
    await Promise.all([1, 2].map(() => client.chat.completions.create(prompt, named("a1"))));
    expect(await billed("a1")).toMatchObject({ calls: 2, billedCalls: 2, openPeak: 2 });
  });

  it("is billed for the sent tokens if the simulator is stopped, and remains billed after a restart", async () => {
    const first = await startSimulator({ ...config, billPath: join(folder, "stopped.jsonl") });
    await control(
      "POST",
      "/script",
      { models: { "sim-economy": { tokensPerSecond: 0.4 } } },
      first,
    );
    const stream = await clientWith(key, first).chat.completions.create(
      { ...prompt, stream: true },
      named("a1"),
    );
    let stopping: Promise<void> | undefined;
    const read = async () => {
      for await (const chunk of stream)
        if (chunk.choices[0]?.delta.content) stopping ??= first.close();
    };
    await expect(read()).rejects.toThrow("terminated");
    await stopping;
    const second = await startSimulator({ ...config, billPath: join(folder, "stopped.jsonl") });
    expect(await billed("a1", second)).toMatchObject({
      billedCalls: 1,
      usage: { outputTokens: 4 },
    });
    await second.close();
  });
});

function clientWith(apiKey: string, at = simulator): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${at.url}/v1`, maxRetries: 0, timeout: 10_000 });
}

function named(attemptId: string) {
  return { headers: { "x-client-request-id": attemptId } };
}

function failing(attemptId: string, fault: string) {
  return { headers: { "x-client-request-id": attemptId, "x-simulator-fault": fault } };
}

async function control(method: string, path: string, body?: object, at = simulator) {
  const response = await fetch(`${at.url}${path}`, {
    method,
    headers: opened,
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.status).toBe(200);
  return response;
}

async function billed(attemptId: string, at = simulator): Promise<JsonObject> {
  const response = await control("GET", `/bill/${attemptId}`, undefined, at);
  const attempt: unknown = await response.json();
  return isObject(attempt) ? attempt : {};
}

/**
 * Returns the attempt once all its calls have ended. The simulator detects the disconnect of a client only
 * after a short time.
 */
async function ended(attemptId: string): Promise<JsonObject> {
  await expect.poll(() => billed(attemptId)).toMatchObject({ open: 0 });
  return billed(attemptId);
}
