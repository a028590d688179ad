import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChatRequest } from "../chat/chat-request.ts";
import { countPromptTokens } from "../chat/prompt-tokens.ts";
import { loadVocabulary } from "../vocabulary.ts";
import { BreakpointCache, type CachedTokens } from "./breakpoint-cache.ts";
import { parseMessagesRequest } from "./messages-request.ts";
import { countPrompt } from "./prompt-usage.ts";

const countTexts = await loadVocabulary();
const base = { model: "sim-anthropic-standard", max_tokens: 10 };
const tool = { name: "pay", input_schema: { type: "object" }, description: "Pays." };

describe("the prompt tokens of a message", () => {
  it("are those of the chat for the same texts", async () => {
    const messages = [
      { role: "user", content: "Name three rivers." },
      { role: "assistant", content: "Rhine, Elbe, Oder." },
      { role: "user", content: "And three lakes?" },
    ];
    const chat = parseChatRequest({
      model: "sim-economy",
      messages: [{ role: "system", content: "Be brief." }, ...messages],
    });
    expect(totalOf(await tokensOf({ system: "Be brief.", messages }))).toBe(
      await countPromptTokens(chat, countTexts),
    );
  });

  it("are the same in every class together, wherever the breakpoints are", async () => {
    const words = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 40 });
    const block = fc.record({ text: words, life: fc.constantFrom(null, "5m") });
    const texts = fc.array(block, { minLength: 1, maxLength: 6 });
    const property = fc.asyncProperty(texts, fc.nat(60), async (blocks, least) => {
      const contentOf = (isMarked: boolean) =>
        blocks.map(({ text, life }, at) => ({
          type: "text",
          text: `${text}.`,
          cache_control: isMarked && life !== null && at < 4 ? { type: "ephemeral" } : null,
        }));
      const bodyOf = (isMarked: boolean) => ({
        tools: [tool],
        messages: [{ role: "user", content: contentOf(isMarked) }],
      });
      const plain = await tokensOf(bodyOf(false));
      expect(plain).toEqual({
        ...{ cachedInputTokens: 0, cacheWriteTokens: 0, cacheWriteHourTokens: 0 },
        inputTokens: totalOf(plain),
      });
      const cache = new BreakpointCache();
      const written = await tokensOf(bodyOf(true), cache, least);
      const read = await tokensOf(bodyOf(true), cache, least);
      expect(totalOf(written)).toBe(totalOf(plain));
      expect(read).toEqual({
        ...{ inputTokens: written.inputTokens, cacheWriteTokens: 0, cacheWriteHourTokens: 0 },
        cachedInputTokens: written.cacheWriteTokens,
      });
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it("include the parameters that are written into the prompt, after every breakpoint", async () => {
    const body = { messages: [{ role: "user", content: "Hi" }], tools: [tool] };
    const plain = await tokensOf(body);
    const choice = { type: "none" };
    const more = await tokensOf({ ...body, tool_choice: choice });
    expect(totalOf(more) - totalOf(plain)).toBe(await countTexts([JSON.stringify(choice)]));
    const automatic = await tokensOf({ ...body, cache_control: { type: "ephemeral" } });
    expect(automatic.inputTokens).toBe(3);
    expect(totalOf(automatic)).toBe(totalOf(plain));
  });

  it("include media, documents, calls, results and thoughts", async () => {
    const question = { role: "user", content: "Hi" };
    const plain = totalOf(await tokensOf({ messages: [question] }));
    const more = async (...content: object[]) =>
      totalOf(await tokensOf({ messages: [{ role: "user", content }] })) - plain;
    const hi = { type: "text", text: "Hi" };
    const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
    const pdf = { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } };
    const plainText = { type: "text", media_type: "text/plain", data: "Rhine" };
    expect(await more(hi, image)).toBe(85);
    expect(await more(hi, pdf)).toBe(1_500);
    expect(await more(hi, { type: "document", source: plainText, title: "Rivers" })).toBe(
      await countTexts(["Rhine", "Rivers"]),
    );
    const call = { type: "tool_use", id: "c1", name: "pay", input: { amount: 1 } };
    const called = await tokensOf({
      messages: [
        question,
        { role: "assistant", content: [{ type: "redacted_thinking", data: "sealed" }, call] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "paid" }] },
      ],
    });
    const texts = ["assistant", "sealed", '{"id":"c1","name":"pay","input":{"amount":1}}'];
    expect(totalOf(called) - plain).toBe(
      2 * 3 + (await countTexts([...texts, "user", "c1", "paid"])),
    );
  });
});

async function tokensOf(
  body: object,
  cache = new BreakpointCache(),
  least = 0,
): Promise<CachedTokens> {
  const request = parseMessagesRequest({ ...base, ...body }, "2026-10-21");
  return countPrompt(request, cache.use("owner", request.blocks, 0), least, countTexts);
}

function totalOf(tokens: CachedTokens): number {
  return Object.values<number>({ ...tokens }).reduce((sum, part) => sum + part, 0);
}
