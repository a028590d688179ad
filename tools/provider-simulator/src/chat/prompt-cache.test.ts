import { describe, expect, it } from "vitest";
import { parseChatRequest } from "./chat-request.ts";
import { cachedTokensOf, PromptCache } from "./prompt-cache.ts";

const prefix = "word ".repeat(1_100);

describe("the simulated prompt cache", () => {
  it("finds the complete blocks that a prompt shares with an earlier one from its beginning", () => {
    const cache = new PromptCache();
    expect(cache.sharedTextOf(requestOf(`${prefix} first`))).toBe("");
    const shared = cache.sharedTextOf(requestOf(`${prefix} second`));
    expect(shared.length).toBe(512 * Math.floor(`user: ${prefix} `.length / 512));
    expect(`user: ${prefix}`.startsWith(shared)).toBe(true);
    expect(cache.sharedTextOf(requestOf(`other ${prefix}`))).toBe("");
  });

  it("shares nothing with another model, and nothing after it was cleared", () => {
    const cache = new PromptCache();
    cache.sharedTextOf(requestOf(prefix));
    expect(cache.sharedTextOf(requestOf(prefix, "sim-premium"))).toBe("");
    cache.clear();
    expect(cache.sharedTextOf(requestOf(prefix))).toBe("");
  });

  it("caches complete blocks of 128 tokens, from 1,024 on, and never more than the prompt has", () => {
    expect(cachedTokensOf(1_023, 5_000)).toBe(0);
    expect(cachedTokensOf(1_024, 5_000)).toBe(1_024);
    expect(cachedTokensOf(1_300, 5_000)).toBe(1_280);
    expect(cachedTokensOf(1_300, 1_200)).toBe(1_152);
    expect(cachedTokensOf(1_300, 1_000)).toBe(0);
  });
});

function requestOf(content: string, model = "sim-economy") {
  return parseChatRequest({ model, messages: [{ role: "user", content }] });
}
