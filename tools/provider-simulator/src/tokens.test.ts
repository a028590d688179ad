import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChatRequest } from "./chat/chat-request.ts";
import { PromptCache } from "./chat/prompt-cache.ts";
import { countPromptTokens } from "./chat/prompt.ts";
import { countTokens, tokensOf } from "./tokens.ts";

describe("the simulator's tokens", () => {
  it("are words, single characters and runs of spaces", () => {
    expect(tokensOf("Hello, big world!")).toEqual(["Hello", ",", " big", " world", "!"]);
    expect(tokensOf("internationally")).toEqual(["internatio", "nally"]);
    expect(tokensOf("a  b\n\nc")).toEqual(["a", "  ", "b", "\n\n", "c"]);
    expect(tokensOf("日本 🙂")).toEqual(["日", "本", " 🙂"]);
  });

  it("include the label as one token", () => {
    expect(countTokens("[simulated]")).toBe(1);
  });

  it("give the original text when joined, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(tokensOf(text).join("")).toBe(text);
      }),
    );
  });

  it("stay the same if the text is cut between two of them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(50), (text, kept) => {
        const tokens = tokensOf(text).slice(0, kept);
        expect(tokensOf(tokens.join(""))).toEqual(tokens);
      }),
    );
  });

  it("of a prompt are those of its messages, plus four per message and three per reply", () => {
    expect(promptTokensOf([{ role: "user", content: "Hello, world" }])).toBe(3 + 4 + 3);
    const image = { type: "image_url", image_url: { url: "data:", detail: "high" } };
    expect(promptTokensOf([{ role: "user", content: [image] }])).toBe(3 + 4 + 765);
  });
});

describe("the simulated prompt cache", () => {
  const prefix = "word ".repeat(1_100);

  it("counts complete blocks of a long, earlier prefix as cached", () => {
    const cache = new PromptCache();
    expect(cache.cachedTokensOf(requestOf(`${prefix} first`))).toBe(0);
    const cached = cache.cachedTokensOf(requestOf(`${prefix} second`));
    expect(cached).toBeGreaterThanOrEqual(1_024);
    expect(cached % 128).toBe(0);
  });

  it("does not apply to another model or to a short prompt", () => {
    const cache = new PromptCache();
    cache.cachedTokensOf(requestOf(prefix));
    expect(cache.cachedTokensOf(requestOf(prefix, "sim-premium"))).toBe(0);
    cache.cachedTokensOf(requestOf("short"));
    expect(cache.cachedTokensOf(requestOf("short"))).toBe(0);
  });
});

function requestOf(content: string, model = "sim-economy") {
  return parseChatRequest({ model, messages: [{ role: "user", content }] });
}

function promptTokensOf(messages: readonly object[]): number {
  return countPromptTokens(parseChatRequest({ model: "sim-economy", messages }));
}
