export { BytePairTokenCounter, type Encoding } from "./byte-pair-token-counter.ts";
export { type TokenCount, TokenCounter, tokensLikely } from "./token-counter.ts";
