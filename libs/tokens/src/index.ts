export { O200kTokenCounter } from "./o200k-token-counter.ts";
export { type TokenCount, TokenCounter, tokensAtMost, tokensLikely } from "./token-counter.ts";
