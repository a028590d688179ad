import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cutToFit } from "./cut-answer.ts";
import { answerOf } from "../providers/in-memory-provider.ts";

/** The first string of this kind takes fast-check seconds on a busy machine. */
const timeout = 30_000;
const sizeOf = (text: string | null | undefined): number => Buffer.byteLength(text ?? "");

test("an answer that fits is not changed", () => {
  const answer = answerOf(["four"], "stop");
  expect(cutToFit(answer, 4)).toBe(answer);
});

test("a longer answer is marked as cut, and never ends in half a character", { timeout }, () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.nat(40), (text, bytesMax) => {
      const cut = cutToFit(answerOf([text], "stop"), bytesMax);
      const content = cut.choices[0]?.content;
      expect(sizeOf(content)).toBeLessThanOrEqual(bytesMax);
      expect(text.startsWith(content ?? "?")).toBe(true);
      expect(cut.cut).toBe(sizeOf(text) > bytesMax);
    }),
  );
});

test("log probabilities and further members are removed first, and tool calls only as a whole", () => {
  const answer = answerOf(["abcdef"], "stop");
  const [choice] = answer.choices;
  const choices = [{ ...choice!, logprobs: "[1,2,3]", toolCalls: null }];
  expect(cutToFit({ ...answer, choices }, 6)).toMatchObject({
    cut: true,
    choices: [{ content: "abcdef", logprobs: null }],
  });
  const reasoned = [{ ...choice!, members: '{"reasoning_content":"…"}' }];
  expect(cutToFit({ ...answer, choices: reasoned }, 6)).toMatchObject({
    cut: true,
    choices: [{ content: "abcdef", members: null }],
  });
  const calling = [{ ...choice!, toolCalls: '[{"id":"c1"}]' }];
  expect(cutToFit({ ...answer, choices: calling }, 6).choices[0]).toMatchObject({
    content: "abcdef",
    toolCalls: null,
  });
});
