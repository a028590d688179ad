import type { Answer, Choice } from "@sluice/contracts";

/** A message may have 2 MiB; the rest of an outcome needs its room. */
export const answerBytesMax = 1_536 * 1_024;

/**
 * An answer too long for a message is shortened and says so: log probabilities
 * go first, then texts from the end, and tool calls only whole. Its usage is
 * metered in full all the same.
 */
export function cutToFit(answer: Answer, bytesMax: number): Answer {
  if (bytesOf(answer.choices) <= bytesMax) return answer;
  const bare = answer.choices.map((choice) => ({ ...choice, logprobs: null }));
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

/** At most so many bytes of UTF-8, never half a character. */
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
    (sum, { content, refusal, toolCalls, logprobs }) =>
      sum + sizeOf(content) + sizeOf(refusal) + sizeOf(toolCalls) + sizeOf(logprobs),
    0,
  );
}
