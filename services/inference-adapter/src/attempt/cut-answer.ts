import type { Answer, Choice } from "@sluice/contracts";

/**
 * The limit of an answer in bytes. A message may have 2 MiB, and the other fields of an outcome
 * need room too.
 */
export const answerBytesMax = 1_536 * 1_024;

/**
 * Returns the answer, shortened to `bytesMax` and marked as cut if it is longer. Log probabilities
 * and further members are removed first, then texts from their end; tool calls are removed only as a whole. The usage is
 * metered in full in any case.
 */
export function cutToFit(answer: Answer, bytesMax: number): Answer {
  if (bytesOf(answer.choices) <= bytesMax) return answer;
  const bare = answer.choices.map((choice) => ({ ...choice, logprobs: null, members: null }));
  let left = bytesMax;
  const choices: Choice[] = [];
  for (const choice of bare) {
    const cut = cutChoice(choice, left);
    left -= bytesOf([cut]);
    choices.push(cut);
  }
  return { ...answer, choices, cut: true };
}

function cutChoice(choice: Choice, bytesMax: number): Choice {
  const toolCalls = fits(choice.toolCalls, bytesMax) ? choice.toolCalls : null;
  const left = bytesMax - sizeOf(toolCalls);
  const content = cutText(choice.content, left);
  return {
    ...choice,
    toolCalls,
    content,
    refusal: cutText(choice.refusal, left - sizeOf(content)),
  };
}

/** Returns at most `bytesMax` bytes of UTF-8, and never half a character. */
function cutText(text: string | null, bytesMax: number): string | null {
  if (text === null || fits(text, bytesMax)) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(Math.max(bytesMax, 0)));
  return text.slice(0, read);
}

function fits(text: string | null, bytesMax: number): boolean {
  return sizeOf(text) <= bytesMax;
}

function sizeOf(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text);
}

function bytesOf(choices: readonly Choice[]): number {
  return choices.reduce(
    (sum, { content, refusal, toolCalls, logprobs, members }) =>
      [content, refusal, toolCalls, logprobs, members].reduce(
        (all, each) => all + sizeOf(each),
        sum,
      ),
    0,
  );
}
