import { type Pipeline, startPipeline } from "@sluice/testing";
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerTests } from "./compatibility-answers.ts";
import {
  passedMessages,
  passedParameters,
  payTool,
  refusedMessages,
  refusedParameters,
} from "./compatibility-cases.ts";
import { CompatibilityClient, questionOf } from "./compatibility-client.ts";
import { parametersOfOpenAi, type Row, rowsUnder } from "./compatibility-table.ts";

/* These tests check docs/reference/openai.md row by row, with the official client and a real pipeline. */

const parameters = rowsUnder("Parameters");
const messages = rowsUnder("Messages");
const answers = rowsUnder("Answers");

let pipeline: Pipeline;
let client: CompatibilityClient;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "50" } });
  client = new CompatibilityClient(pipeline);
});
afterAll(() => pipeline?.stop());

const handledAs = (rows: readonly Row[], handling: string) =>
  rows.filter((row) => row["handling"] === handling);
const names = (rows: readonly Row[]) => rows.map((row) => Object.values(row)[0] ?? "").toSorted();
const always = { "x-sluice-cache": "no-store" };

describe("the table", () => {
  test("has a row for every parameter for which OpenAI's client has a type", () => {
    expect(parametersOfOpenAi().length).toBeGreaterThan(30);
    expect(names(parameters)).toEqual([...parametersOfOpenAi(), "anything_else"].toSorted());
  });

  test("has no row without a test, and no test without a row", () => {
    expect(names(handledAs(parameters, "passed"))).toEqual(
      [...Object.keys(passedParameters), "messages"].toSorted(),
    );
    expect(names(handledAs(parameters, "ours"))).toEqual(Object.keys(ours).toSorted());
    expect(names(handledAs(parameters, "refused"))).toEqual(
      Object.keys(refusedParameters).toSorted(),
    );
    expect(names(handledAs(messages, "passed"))).toEqual(Object.keys(passedMessages).toSorted());
    expect(names(handledAs(messages, "refused"))).toEqual(Object.keys(refusedMessages).toSorted());
    expect(names(answers)).toEqual(Object.keys(answerTests).toSorted());
    const handlings = new Set([...parameters, ...messages].map((row) => row["handling"]));
    expect(handlings).toEqual(new Set(["passed", "ours", "refused"]));
  });

  test('marks every accepted row as "streamed", because the tests check all of them as streams', () => {
    const accepted = [...parameters, ...messages].filter((row) => row["handling"] !== "refused");
    expect([...accepted, ...answers].filter((row) => row["streamed"] !== "yes")).toEqual([]);
  });
});

describe("a parameter that is passed", () => {
  const rows = handledAs(parameters, "passed").filter((row) => row["parameter"] !== "messages");

  test.each(rows)("$parameter arrives as sent, whole and streamed", async ({ parameter = "" }) => {
    const { sent } = passedParameters[parameter]!;
    const value = (sent as Readonly<Record<string, unknown>>)[parameter];
    const request = { messages: questionOf(`p-${parameter}`), ...sent };
    await client.whole(request, always);
    expect((await client.callAtProvider(`p-${parameter}`)).body[parameter]).toEqual(value);
    await client.streamed(request, always);
    const { calls, body } = await client.callAtProvider(`p-${parameter}`);
    expect(calls).toBe(2);
    expect(body[parameter]).toEqual(value);
    expect(body["stream"]).toBe(true);
    const ownNames = [...Object.keys(sent), "model", "messages", "stream", "stream_options"];
    const limits = ["max_completion_tokens", "max_tokens"];
    expect(
      Object.keys(body)
        .filter((name) => !limits.includes(name))
        .toSorted(),
    ).toEqual(ownNames.filter((name) => !limits.includes(name)).toSorted());
    expect(limits.filter((name) => name in body)).toHaveLength(1);
  });

  test.each(rows)(
    "$parameter is part of the cache key if and only if the table says so",
    async (row) => {
      const { parameter = "" } = row;
      const { sent, other } = passedParameters[parameter]!;
      const question = { messages: questionOf(`k-${parameter}`) };
      await client.whole({ ...question, ...sent });
      await expect
        .poll(async () => (await client.whole({ ...question, ...sent })).cache, { interval: 20 })
        .toBe("exact");
      const { cache } = await client.whole({ ...question, ...other });
      expect(cache).toBe(row["in key"] === "yes" ? "miss" : "exact");
    },
  );
});

/** The tests for parameters that Sluice handles itself, by the parameter's name. */
const ours: Readonly<Record<string, () => Promise<void>>> = {
  model: async () => {
    const request = { messages: questionOf("o-model") };
    const { headers } = await client.whole({ ...request, model: "standard" });
    expect((await client.callAtProvider("o-model")).body["model"]).toBe(
      headers.get("x-sluice-model"),
    );
    await expect
      .poll(async () => (await client.streamed({ ...request, model: "standard" })).cache)
      .toBe("exact");
    expect((await client.streamed({ ...request, model: "premium" })).cache).toBe("miss");
  },
  stream: async () => {
    const request = { messages: questionOf("o-stream") };
    await client.whole(request);
    expect((await client.callAtProvider("o-stream")).body["stream"] ?? false).toBe(false);
    await expect.poll(async () => (await client.streamed(request)).cache).toBe("exact");
    await client.streamed(request, always);
    expect((await client.callAtProvider("o-stream")).body["stream"]).toBe(true);
  },
  stream_options: async () => {
    const request = { messages: questionOf("o-options") };
    const given = { include_usage: false, include_obfuscation: false };
    const { chunks } = await client.streamed({ ...request, stream_options: given });
    expect(chunks.filter(({ usage }) => usage)).toEqual([]);
    expect((await client.callAtProvider("o-options")).body["stream_options"]).toEqual({
      include_usage: true,
    });
    await expect
      .poll(async () => (await client.streamed({ ...request, stream_options: null })).cache)
      .toBe("exact");
    await expect(client.whole({ ...request, stream_options: given })).rejects.toMatchObject({
      ...{ status: 400, param: "stream_options" },
    });
  },
};

test.each(handledAs(parameters, "ours"))(
  "$parameter is handled by Sluice",
  async ({ parameter }) => {
    await expect(ours[parameter!]!()).resolves.toBeUndefined();
  },
);

test.each(handledAs(parameters, "refused"))(
  "$parameter is refused, and the error names it",
  async ({ parameter = "" }) => {
    const request = { messages: questionOf(`r-${parameter}`) };
    const refused = { ...request, [parameter]: refusedParameters[parameter] };
    const isKnown = parametersOfOpenAi().includes(parameter);
    for (const ask of [() => client.whole(refused), () => client.streamed(refused)])
      await expect(ask()).rejects.toMatchObject({
        ...{ status: 400, param: parameter },
        code: isKnown ? "unsupported_parameter" : "unknown_parameter",
      });
  },
);

test("a refused parameter may be null, because some clients send every parameter", async () => {
  const known = Object.keys(refusedParameters).filter((name) =>
    parametersOfOpenAi().includes(name),
  );
  const absent = Object.fromEntries(known.map((name) => [name, null]));
  const { cache } = await client.whole({ messages: questionOf("r-null"), ...absent });
  expect(cache).toBe("miss");
});

describe("messages", () => {
  test.each(handledAs(messages, "passed"))(
    "$member arrives at the provider",
    async ({ member = "" }) => {
      const { sent, arrives = sent } = passedMessages[member]!;
      const name = `m-${messages.findIndex((row) => row["member"] === member)}`;
      const request = { messages: [...questionOf(name), ...sent] };
      await client.whole(request, always);
      await client.streamed(request, always);
      const { calls, body } = await client.callAtProvider(name);
      expect(calls).toBe(2);
      expect(body["messages"]).toEqual([...questionOf(name), ...arrives]);
    },
  );

  test.each(handledAs(messages, "passed"))(
    "$member is part of the cache key",
    async ({ member }) => {
      const { sent, other } = passedMessages[member!]!;
      const question = questionOf(`mk-${messages.findIndex((row) => row["member"] === member)}`);
      const whole = { messages: [...question, ...sent] };
      await client.whole(whole);
      await expect.poll(async () => (await client.whole(whole)).cache).toBe("exact");
      expect((await client.whole({ messages: [...question, ...other] })).cache).toBe("miss");
    },
  );

  test.each(handledAs(messages, "refused"))("$member is refused", async ({ member = "" }) => {
    const { message, param, code } = refusedMessages[member]!;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    const wrong = message as OpenAI.ChatCompletionMessageParam;
    const given = [...questionOf("refused"), wrong];
    const request = { messages: given };
    for (const ask of [() => client.whole(request), () => client.streamed(request)])
      await expect(ask()).rejects.toMatchObject({
        ...{ status: 400, code, param: `messages.1.${param}` },
      });
  });

  test("an answer can be sent back unchanged, together with the result of its tool call", async () => {
    const first = await client.whole({
      messages: questionOf("m-back"),
      ...{ tools: [payTool], tool_choice: "required" as const },
    });
    const { message } = first.completion.choices[0]!;
    const [call] = message.tool_calls ?? [];
    const result = { role: "tool" as const, tool_call_id: call!.id, content: "paid" };
    await client.streamed({ messages: [...questionOf("m-back"), message, result] });
    const { body } = await client.callAtProvider("m-back");
    expect(body["messages"]).toMatchObject([{}, { tool_calls: [call] }, result]);
  });
});

test.each(answers)("$part is returned in whole and in streamed answers", async ({ part = "" }) => {
  const name = `a-${answers.findIndex((row) => row["part"] === part)}`;
  await expect(answerTests[part]!(client, name)).resolves.toBeUndefined();
});
