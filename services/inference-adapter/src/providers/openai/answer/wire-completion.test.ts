import { InMemoryTopicCodecs, topics } from "@sluice/contracts";
import { noUsage } from "@sluice/domain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aCandidate, aDispatched, admittedAt } from "../../../attempt/dispatched.fixture.ts";
import { intentOf, meteringOf } from "../../../attempt/metering.ts";
import { completedOutcomeOf } from "../../../attempt/outcome.ts";
import { AnswerAssembly } from "../../answer/answer-assembly.ts";
import { choicesOf } from "../../../attempt/chunk-choices.ts";
import { CompletionReader } from "./completion-reader.ts";
import { readCompletion } from "./wire-completion.ts";

const codecs = new InMemoryTopicCodecs();
const dispatched = aDispatched();
const candidate = aCandidate();

/** Encodes everything that the adapter publishes about an answer with these chunks. */
function published(chunks: readonly unknown[]): void {
  const assembly = new AnswerAssembly();
  const reader = new CompletionReader();
  for (const chunk of chunks) for (const part of reader.read(chunk).parts) assembly.add(part);
  const { usage, raw } = assembly.usage ?? { usage: noUsage, raw: null };
  const measured = { calledAt: admittedAt, meteredAt: admittedAt, usage, raw } as const;
  const metered = meteringOf(intentOf(dispatched, 1, candidate, admittedAt), {
    ...measured,
    ...{ estimatedFigures: [], reason: "answered" },
  });
  const answer = assembly.answer(admittedAt);
  const attempt = { dispatched, candidate, callsBefore: 0, isAfterLoss: false };
  const outcome = completedOutcomeOf(attempt, answer, metered, {
    now: admittedAt,
    version: 7n,
  });
  codecs.encode(topics.inferenceResponded, outcome);
  codecs.encode(topics.costMetered, metered);
}

/** Draws an object with some of the members, each of the usual type or of any other. */
function oddly(members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  const either = Object.entries(members).map(
    ([name, usual]) => [name, fc.oneof(usual, fc.jsonValue())] as const,
  );
  return fc.record(Object.fromEntries(either), { requiredKeys: [] });
}

const count = fc.oneof(fc.nat(), fc.double(), fc.integer());
const called = oddly({ name: fc.string(), arguments: fc.oneof(fc.string(), fc.object()) });
const toolCall = oddly({ index: count, id: fc.string(), type: fc.string(), function: called });
const said = oddly({
  content: fc.oneof(fc.string(), fc.array(oddly({ type: fc.string(), text: fc.string() }))),
  refusal: fc.string(),
  tool_calls: fc.array(toolCall),
});
const choice = oddly({
  index: count,
  delta: said,
  message: said,
  logprobs: oddly({ content: fc.array(fc.anything({ maxDepth: 1 })), refusal: fc.constant([]) }),
  finish_reason: fc.string(),
});
const completion = oddly({
  model: fc.string(),
  system_fingerprint: fc.string(),
  created: count,
  usage: oddly({ prompt_tokens: count, completion_tokens: count, total_tokens: count }),
  choices: fc.array(fc.oneof(choice, fc.jsonValue())),
});

test("whatever JSON a provider sends, the outcome and the usage can be encoded", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(completion, fc.jsonValue()), { maxLength: 4 }), (chunks) => {
      // The provider's text is parsed, so that only values that JSON can hold are read.
      const sent: unknown = JSON.parse(JSON.stringify(chunks, withoutBigints) ?? "[]");
      published(Array.isArray(sent) ? sent : []);
    }),
    { numRuns: 500 },
  );
});

function withoutBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? null : value;
}

describe("a member of another type", () => {
  const originOf = (wire: object) => readCompletion({ choices: [], ...wire }).origin;

  test("is converted if its meaning is clear", () => {
    expect(originOf({ created: 1_700_000_000.1234 }).createdAt).toBe(1_700_000_000_123);
    expect(originOf({ system_fingerprint: 7 }).systemFingerprint).toBe("7");
    const parts = [{ type: "text", text: "Hel" }, { type: "text", text: "lo" }, null];
    const call = { id: 5, function: { name: "look", arguments: { at: "sky" } } };
    const delta = { content: parts, tool_calls: [call] };
    const { parts: read } = readCompletion({
      choices: [
        { index: null, delta },
        { delta: { content: "B" }, finish_reason: "" },
      ],
    });
    expect(read.filter(({ kind }) => kind !== "others")).toEqual([
      { kind: "text", choice: 0, text: "Hello" },
      {
        ...{ kind: "tool_call", choice: 0, index: 0, id: "5", type: null, members: {} },
        ...{ name: "look", arguments: '{"at":"sky"}' },
      },
      { kind: "text", choice: 1, text: "B" },
    ]);
  });

  test("is ignored if not", () => {
    const odd = {
      created: "soon",
      model: {},
      system_fingerprint: [],
      usage: 5,
      choices: [null, 4],
    };
    const origin = { kind: "origin", createdAt: null, model: null, systemFingerprint: null };
    expect(readCompletion(odd)).toEqual({ origin, usage: null, parts: [] });
    for (const wire of [null, 5, "<html>", []])
      expect(readCompletion(wire)).toMatchObject({ parts: [] });
    expect(originOf({ created: 1e300 }).createdAt).toBeNull();
    const { parts: read } = readCompletion({ choices: [{ message: { content: 5 } }] });
    expect(read).toContainEqual({ kind: "text", choice: 0, text: null });
  });

  test("is not sent to the reader of a stream, who receives the rest of the choice unchanged", () => {
    const call = { index: null, function: { arguments: { at: "sky" } }, extra: 1 };
    const delta = { role: "assistant", content: 5, reasoning_content: "Hm", tool_calls: [call] };
    const { parts } = readCompletion({ choices: [{ index: "0", delta, native: "x" }] });
    expect(choicesOf(parts)[0]).toEqual({
      index: 0,
      finish_reason: null,
      native: "x",
      delta: {
        ...{ role: "assistant", content: null, reasoning_content: "Hm" },
        tool_calls: [{ index: 0, function: { arguments: '{"at":"sky"}' }, extra: 1 }],
      },
    });
  });
});

test("long names are shortened, and choices beyond the 128 that OpenAI allows are ignored", () => {
  const choices = Array.from({ length: 200 }, () => ({ message: { content: "x" } }));
  const read = readCompletion({ model: "m".repeat(5_000), choices });
  expect(read.origin.model).toHaveLength(256);
  expect(choicesOf(read.parts)).toHaveLength(128);
  expect(readCompletion({ choices: [{ index: 1e9, delta: {} }] }).parts).toEqual([]);
});
