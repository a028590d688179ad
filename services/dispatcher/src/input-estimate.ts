import type { InferenceRequested } from "@sluice/contracts";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

/** Other vendors' tokenisers split the same text into up to this much more. */
const marginPercent = 15n;
/** What chat formats add around a message, and before the answer. */
const perMessageTokens = 6n;
/** An image's or sound's tokens cannot be counted from its bytes; providers charge up to about this for one. */
const perMediaPartTokens = 1_600n;
/** Counting blocks the event loop, a microsecond a token: the rest of a long text is extrapolated. */
const countedCharsMax = 64 * 1024;

/** Upper estimate of a request's input tokens, for the worst case; not what is charged. */
export function estimateInputTokens(request: InferenceRequested): bigint {
  const tools = request.parameters.length > 2 ? tokensOf(request.parameters) : 0n;
  const messages = request.messages.reduce((sum, { content, parts, toolCalls }) => {
    const media = parts === null ? 0n : mediaTokensOf(parts);
    const calls = toolCalls === null ? 0n : tokensOf(toolCalls);
    return sum + perMessageTokens + tokensOf(content) + media + calls;
  }, 0n);
  return messages + tools + ((messages + tools) * marginPercent) / 100n + 1n;
}

function tokensOf(text: string): bigint {
  if (text.length <= countedCharsMax) return BigInt(countTokens(text));
  const counted = BigInt(countTokens(text.slice(0, countedCharsMax)));
  return (counted * BigInt(text.length)) / BigInt(countedCharsMax) + 1n;
}

function mediaTokensOf(parts: string): bigint {
  const parsed: unknown = JSON.parse(parts);
  if (!Array.isArray(parsed)) return 0n;
  const media = parsed.filter((part: { readonly type?: string }) => part.type !== "text");
  return BigInt(media.length) * perMediaPartTokens;
}
