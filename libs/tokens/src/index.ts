export { O200kTokenCounter } from "./o200k-token-counter.ts";
export { type TokenCount, TokenCounter, tokensLikely } from "./token-counter.ts";
