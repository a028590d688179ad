import { expect, test } from "vitest";
import type { AnswerPart } from "../providers/answer/answer-part.ts";
import { choicesOf } from "./chunk-choices.ts";

const text = (choice: number, said: string | null): AnswerPart => ({
  ...{ kind: "text", choice, text: said },
});

test("parts that arrived together are one choice of a chunk for each answer", () => {
  expect(
    choicesOf([
      { kind: "origin", model: "m", systemFingerprint: null, createdAt: null },
      { kind: "others", choice: 0, ofMessage: { role: "assistant" }, ofChoice: { native: "x" } },
      text(0, "4"),
      text(0, "2"),
      text(1, null),
      { kind: "refusal", choice: 1, text: "No." },
      { kind: "end", choice: 0, reason: "stop" },
    ]),
  ).toEqual([
    {
      ...{ index: 0, native: "x", finish_reason: "stop" },
      delta: { role: "assistant", content: "42" },
    },
    { index: 1, delta: { content: null, refusal: "No." }, finish_reason: null },
  ]);
});

test("several pieces of a reasoning are joined, and none replaces another", () => {
  const piece = (more: object): AnswerPart => ({
    kind: "reasoning",
    choice: 0,
    members: { reasoning_details: [{ type: "reasoning.text", index: 0, ...more }] },
  });
  const parts = [piece({ text: "6 times" }), piece({ text: " 7" }), piece({ signature: "c2ln" })];
  const detail = { type: "reasoning.text", index: 0, text: "6 times 7", signature: "c2ln" };
  expect(choicesOf(parts)).toEqual([
    { index: 0, delta: { reasoning_details: [detail] }, finish_reason: null },
  ]);
});

test("a tool call has only what arrived of it", () => {
  const nothing = { id: null, type: null, name: null, members: {} };
  const call = { kind: "tool_call", choice: 0, index: 1, ...nothing } as const;
  expect(choicesOf([{ ...call, arguments: "{" }])).toMatchObject([
    { delta: { tool_calls: [{ index: 1, function: { arguments: "{" } }] } },
  ]);
  const begun = { ...call, id: "c1", type: "function", name: "look", arguments: "" } as const;
  expect(choicesOf([begun])).toEqual([
    {
      ...{ index: 0, finish_reason: null },
      delta: {
        tool_calls: [
          { index: 1, id: "c1", type: "function", function: { name: "look", arguments: "" } },
        ],
      },
    },
  ]);
});

test("parts without a choice do not make a chunk", () => {
  expect(choicesOf([])).toEqual([]);
});
