import type { CountTexts } from "../vocabulary.ts";
import { cachedTokensOf, type CachedTokens, type CachePlan } from "./breakpoint-cache.ts";
import type { MessagesRequest } from "./messages-request.ts";
import type { PromptBlock } from "./prompt-blocks.ts";

/** Tokens before the answer, as in the chat. */
const TOKENS_PER_REPLY = 3;

/** Counts the prompt of a request by the classes of its usage. */
export async function countPrompt(
  { blocks, parameterTexts }: MessagesRequest,
  plan: CachePlan,
  tokensLeast: number,
  countTexts: CountTexts,
): Promise<CachedTokens> {
  const ends = [plan.readBlocks, ...plan.writes.map((write) => write.blocks), blocks.length];
  const tokensUntil = new Map([[0, 0]]);
  let [counted, tokens] = [0, 0];
  for (const end of ends) {
    // oxlint-disable-next-line no-await-in-loop -- the vocabulary counts in turns anyway
    tokens += await countBlocks(blocks.slice(counted, end), countTexts);
    tokensUntil.set(end, tokens);
    counted = end;
  }
  const promptTokens = tokens + (await countTexts(parameterTexts)) + TOKENS_PER_REPLY;
  return cachedTokensOf(plan, (end) => tokensUntil.get(end) ?? 0, promptTokens, tokensLeast);
}

async function countBlocks(
  blocks: readonly PromptBlock[],
  countTexts: CountTexts,
): Promise<number> {
  const fixed = blocks.reduce((sum, { fixedTokens }) => sum + fixedTokens, 0);
  return fixed + (await countTexts(blocks.flatMap(({ texts }) => texts)));
}
