import type { Answer } from "../answers/answer.ts";
import { fractionOf } from "../seeded.ts";

/**
 * Returns log probabilities of some tokens of an answer in OpenAI's form, or null if the request did not ask
 * for them. They are invented, depend on the token only, and are the same in every run.
 */
export function logprobsOf(
  { isRefusal, toolName }: Answer,
  tokens: readonly string[],
  topLogprobs: number | null,
): object | null {
  if (topLogprobs === null || toolName !== null) return null;
  const entries = tokens.map((token) => ({
    ...probabilityOf(token, 0),
    top_logprobs: Array.from({ length: topLogprobs }, (_, rank) =>
      probabilityOf(rank === 0 ? token : `${token}~${rank}`, rank),
    ),
  }));
  return isRefusal ? { content: null, refusal: entries } : { content: entries, refusal: null };
}

function probabilityOf(token: string, rank: number): object {
  const logprob = -rank - fractionOf(token);
  return { token, logprob, bytes: [...Buffer.from(token, "utf8")] };
}
