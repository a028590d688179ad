import { expect, test } from "vitest";
import { AnswerAssembly } from "./answer-assembly.ts";
import { readCompletion, type WireCompletion } from "./wire-completion.ts";

const chunk = (...choices: readonly object[]): WireCompletion =>
  readCompletion({ model: "m-1", system_fingerprint: "fp", created: 1_800_000_000, choices });

test("the texts, refusals, log probabilities and ends of several choices are joined by choice", () => {
  const assembly = new AnswerAssembly();
  assembly.add(chunk({ index: 1, delta: { content: "B" }, logprobs: { content: [1] } }));
  assembly.add(chunk({ index: 0, delta: { content: "A" } }));
  assembly.add(chunk({ index: 1, delta: { content: "b" }, logprobs: { content: [2] } }));
  assembly.add(chunk({ index: 0, delta: {}, finish_reason: "stop" }));
  expect(assembly.isComplete(2)).toBe(false);
  assembly.add(chunk({ index: 1, delta: {}, finish_reason: "length" }));
  expect(assembly.isComplete(2)).toBe(true);
  expect(assembly.answer(0)).toEqual({
    choices: [
      {
        index: 0,
        content: "A",
        refusal: null,
        toolCalls: null,
        logprobs: null,
        finishReason: "stop",
      },
      {
        index: 1,
        content: "Bb",
        refusal: null,
        toolCalls: null,
        logprobs: '{"content":[1,2],"refusal":null}',
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

test("tool calls are joined by their index, and have no text next to them", () => {
  const assembly = new AnswerAssembly();
  assembly.add(
    chunk({
      delta: {
        content: "",
        tool_calls: [{ index: 0, id: "c0", function: { name: "look", arguments: "" } }],
      },
    }),
  );
  assembly.add(chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] } }));
  assembly.add(chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] } }));
  const [choice] = assembly.answer(0).choices;
  expect(choice?.content).toBeNull();
  expect(JSON.parse(choice?.toolCalls ?? "")).toEqual([
    { id: "c0", type: "function", function: { name: "look", arguments: '{"a":1}' } },
  ]);
});

test("a refusal has no text next to it, although a stream begins with an empty text", () => {
  const assembly = new AnswerAssembly();
  assembly.add(chunk({ delta: { content: "", refusal: null } }));
  assembly.add(chunk({ delta: { refusal: "No" } }));
  assembly.add(chunk({ delta: { refusal: "." } }));
  expect(assembly.answer(0).choices).toMatchObject([{ content: null, refusal: "No." }]);
});

test("an answer has not begun while only the role of the speaker has arrived", () => {
  const assembly = new AnswerAssembly();
  assembly.add(chunk({ delta: { content: "" } }));
  expect(assembly.hasBegun).toBe(false);
  assembly.add(chunk({ delta: { content: "x" } }));
  expect(assembly.hasBegun).toBe(true);
});
