import { describe, expect, test } from "vitest";
import { AnswerAssembly } from "./answer-assembly.ts";
import { CompletionReader } from "../openai/answer/completion-reader.ts";
import { type AnswerPart, hasSubstance } from "./answer-part.ts";

/** Returns the parts of a chunk of OpenAI's API. */
const chunk = (...choices: readonly object[]): readonly AnswerPart[] =>
  new CompletionReader().read({
    ...{ model: "m-1", system_fingerprint: "fp", created: 1_800_000_000, choices },
  }).parts;

function add(assembly: AnswerAssembly, parts: readonly AnswerPart[]): readonly AnswerPart[] {
  return parts.map((part) => assembly.add(part));
}

test("the texts, refusals, log probabilities and ends of several choices are joined by choice", () => {
  const assembly = new AnswerAssembly();
  add(assembly, chunk({ index: 1, delta: { content: "B" }, logprobs: { content: [1] } }));
  add(assembly, chunk({ index: 0, delta: { content: "A" } }));
  add(assembly, chunk({ index: 1, delta: { content: "b" }, logprobs: { content: [2] } }));
  add(assembly, chunk({ index: 0, delta: {}, finish_reason: "stop" }));
  expect(assembly.isComplete(2)).toBe(false);
  add(assembly, chunk({ index: 1, delta: {}, finish_reason: "length" }));
  expect(assembly.isComplete(2)).toBe(true);
  expect(assembly.answer(0)).toEqual({
    choices: [
      {
        index: 0,
        content: "A",
        refusal: null,
        toolCalls: null,
        logprobs: null,
        members: null,
        finishReason: "stop",
      },
      {
        index: 1,
        content: "Bb",
        refusal: null,
        toolCalls: null,
        logprobs: '{"content":[1,2],"refusal":null}',
        members: null,
        finishReason: "length",
      },
    ],
    providerModel: "m-1",
    systemFingerprint: "fp",
    createdAt: 1_800_000_000_000,
    cut: false,
    embeddings: [],
  });
});

describe("the reasoning of a model", () => {
  test("is kept under the provider's names, and their texts are joined", () => {
    const assembly = new AnswerAssembly();
    add(assembly, chunk({ delta: { role: "assistant", content: null, reasoning_content: "6 " } }));
    add(assembly, chunk({ delta: { reasoning_content: "times 7" } }));
    add(
      assembly,
      chunk({ delta: { content: "42", reasoning: "", annotations: [{ type: "url" }] } }),
    );
    const [choice] = assembly.answer(0).choices;
    expect(choice).toMatchObject({ content: "42", refusal: null });
    expect(JSON.parse(choice?.members ?? "")).toEqual({
      reasoning_content: "6 times 7",
      reasoning: "",
    });
  });

  test("may be lists whose elements are continued by their index", () => {
    const assembly = new AnswerAssembly();
    const thought = (more: object) => ({
      delta: { reasoning_details: [{ type: "reasoning.text", index: 0, ...more }] },
    });
    add(assembly, chunk(thought({ text: "6 times", format: "v1" })));
    add(assembly, chunk(thought({ text: " 7", format: "v1" })));
    add(assembly, chunk(thought({ signature: "c2ln" })));
    add(
      assembly,
      chunk({
        delta: { reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: "x" }] },
      }),
    );
    expect(JSON.parse(assembly.answer(0).choices[0]?.members ?? "")).toEqual({
      reasoning_details: [
        {
          ...{ type: "reasoning.text", index: 0, text: "6 times 7", format: "v1" },
          signature: "c2ln",
        },
        { type: "reasoning.encrypted", index: 1, data: "x" },
      ],
    });
  });

  test("is kept with a tool call, whose signature the provider needs back", () => {
    const assembly = new AnswerAssembly();
    const extra = { google: { thought_signature: "c2ln" } };
    const call = { index: 0, id: "c0", type: "function", extra_content: extra };
    add(assembly, chunk({ delta: { tool_calls: [{ ...call, function: { name: "look" } }] } }));
    add(assembly, chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: "{}" } }] } }));
    expect(JSON.parse(assembly.answer(0).choices[0]?.toolCalls ?? "")).toEqual([
      {
        ...{ id: "c0", type: "function", function: { name: "look", arguments: "{}" } },
        extra_content: extra,
      },
    ]);
  });

  test("may be the thoughts that a provider puts into the content", () => {
    const assembly = new AnswerAssembly();
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "6 times 7" }] },
      { type: "text", text: "42" },
    ];
    add(assembly, chunk({ message: { role: "assistant", content } }));
    expect(assembly.answer(0).choices).toMatchObject([
      { content: "42", members: '{"reasoning_content":"6 times 7"}' },
    ]);
  });

  test("is absent if it has no value", () => {
    const assembly = new AnswerAssembly();
    add(assembly, chunk({ message: { content: "42", reasoning_content: null, audio: null } }));
    expect(assembly.answer(0).choices).toMatchObject([{ members: null }]);
  });
});

test("lists of a reasoning without an index are continued in a time that grows with their length", () => {
  const assembly = new AnswerAssembly();
  const elements = 20_000;
  const startedAt = process.cpuUsage();
  for (let at = 0; at < elements; at += 1)
    add(assembly, chunk({ delta: { reasoning_details: [{ type: "x", text: "6" }] } }));
  const { user } = process.cpuUsage(startedAt);
  expect(JSON.parse(assembly.answer(0).choices[0]?.members ?? "").reasoning_details).toHaveLength(
    elements,
  );
  // With the square of their number it took 12 s.
  expect(user).toBeLessThan(5_000_000);
});

test("members of a reasoning that ingress would refuse in a history are left out", () => {
  const assembly = new AnswerAssembly();
  const delta = { content: "42", reasoning: { effort: "high" }, reasoning_details: "none" };
  add(assembly, chunk({ delta }));
  expect(assembly.answer(0).choices).toMatchObject([{ content: "42", members: null }]);
});

test("a chunk that was given to its reader is not changed by later ones", () => {
  const assembly = new AnswerAssembly();
  const details = (text: string) =>
    chunk({ delta: { reasoning_details: [{ type: "x", index: 0, text }] } });
  const first = add(assembly, details("6"));
  const before = JSON.stringify(first);
  add(assembly, details(" times 7"));
  add(assembly, chunk({ delta: { reasoning_details: [{ type: "y" }] } }));
  expect(JSON.stringify(first)).toBe(before);
});

test("an answer has begun with its reasoning, and not with an empty list", () => {
  for (const [delta, hasBegun] of [
    [{ content: "", annotations: [], reasoning_details: [] }, false],
    [{ content: "", reasoning_content: "" }, false],
    [{ reasoning_content: "6" }, true],
    [{ reasoning: "6" }, true],
    [{ reasoning_details: [{ type: "reasoning.encrypted", data: "x" }] }, true],
  ] as const) {
    const assembly = new AnswerAssembly();
    add(assembly, chunk({ delta }));
    expect(assembly.hasBegun).toBe(hasBegun);
    expect(chunk({ delta }).some(hasSubstance)).toBe(hasBegun);
  }
});

test("tool calls are joined by their index, and have no text next to them", () => {
  const assembly = new AnswerAssembly();
  add(
    assembly,
    chunk({
      delta: {
        content: "",
        tool_calls: [{ index: 0, id: "c0", function: { name: "look", arguments: "" } }],
      },
    }),
  );
  add(assembly, chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] } }));
  add(assembly, chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] } }));
  const [choice] = assembly.answer(0).choices;
  expect(choice?.content).toBeNull();
  expect(JSON.parse(choice?.toolCalls ?? "")).toEqual([
    { id: "c0", type: "function", function: { name: "look", arguments: '{"a":1}' } },
  ]);
});

test("a refusal has no text next to it, although a stream begins with an empty text", () => {
  const assembly = new AnswerAssembly();
  add(assembly, chunk({ delta: { content: "", refusal: null } }));
  add(assembly, chunk({ delta: { refusal: "No" } }));
  add(assembly, chunk({ delta: { refusal: "." } }));
  expect(assembly.answer(0).choices).toMatchObject([{ content: null, refusal: "No." }]);
});

test("an answer has not begun while only the role of the speaker has arrived", () => {
  const assembly = new AnswerAssembly();
  add(assembly, chunk({ delta: { content: "" } }));
  expect(assembly.hasBegun).toBe(false);
  add(assembly, chunk({ delta: { content: "x" } }));
  expect(assembly.hasBegun).toBe(true);
});
