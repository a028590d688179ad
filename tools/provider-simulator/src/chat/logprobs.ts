import type { Answer } from "./answer.ts";
import { fractionOf } from "../seeded.ts";

/**
 * Log probabilities of some tokens of an answer in OpenAI's form; null where they were
 * not asked for. They depend on the token alone: made up, and the same in every run.
 */
export function logprobsOf(
  { topLogprobs, voice, toolName }: Answer,
  tokens: readonly string[],
): object | null {
  if (topLogprobs === null || toolName !== null) return null;
  const told = tokens.map((token) => ({
    ...probabilityOf(token, 0),
    top_logprobs: Array.from({ length: topLogprobs }, (_, rank) =>
      probabilityOf(rank === 0 ? token : `${token}~${rank}`, rank),
    ),
  }));
  return voice === "refusal" ? { content: null, refusal: told } : { content: told, refusal: null };
}

function probabilityOf(token: string, rank: number): object {
  const logprob = -rank - fractionOf(token);
  return { token, logprob, bytes: [...Buffer.from(token, "utf8")] };
}
