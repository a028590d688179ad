import * as fc from "fast-check";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it } from "vitest";
import { parseChatRequest } from "./chat-request.ts";
import { countPromptTokens } from "./prompt-tokens.ts";
import { loadVocabulary } from "../vocabulary.ts";

const countTexts = await loadVocabulary();
/** The names of control tokens are text in a prompt. */
const theirCount = (text: string) => countTokens(text, { disallowedSpecial: new Set<string>() });

/** The frame of a message by OpenAI's guide, and the frame of the answer. */
const message = 3;
const reply = 3;

describe("the tokens of a prompt", () => {
  it("are those of OpenAI's guide for roles, texts and names", async () => {
    const system = "You translate the slang of offices into plain English.";
    const user = "Let's circle back when we have the bandwidth.";
    const named = [
      { role: "system", content: system },
      { role: "system", name: "example_user", content: user },
    ];
    const texts = ["system", system, "system", "example_user", user];
    const counted = texts.map(theirCount).reduce((sum, tokens) => sum + tokens, 0);
    expect(await tokensOf(named)).toBe(reply + 2 * message + 1 + counted);
  });

  it("are those of the vocabulary for any text", async () => {
    const property = fc.asyncProperty(
      fc.string({ unit: "binary", maxLength: 200 }),
      async (text) => {
        const counted = theirCount("user") + theirCount(text);
        expect(await tokensOf([{ role: "user", content: text }])).toBe(reply + message + counted);
      },
    );
    await fc.assert(property);
  });

  it("include ids, refusals, tool calls as JSON, and all texts of several parts", async () => {
    const empty = await tokensOf([{ role: "tool", content: "" }]);
    const rest = async (member: object) =>
      (await tokensOf([{ role: "tool", content: "", ...member }])) - empty;
    const calls = [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }];
    expect(await rest({ tool_call_id: "call_9f8e7d" })).toBe(theirCount("call_9f8e7d"));
    expect(await rest({ refusal: "I will not." })).toBe(theirCount("I will not."));
    expect(await rest({ refusal: null, tool_calls: null })).toBe(0);
    expect(await rest({ tool_calls: calls })).toBe(theirCount(JSON.stringify(calls)));
    const parts = [
      { type: "text", text: "Two" },
      { type: "refusal", refusal: "rivers" },
    ];
    expect(await rest({ content: parts })).toBe(theirCount("Two\nrivers"));
  });

  it("include a fixed number for each image, and more for one of high detail", async () => {
    const empty = await tokensOf([{ role: "user", content: "" }]);
    const image = { type: "image_url", image_url: { url: "data:" } };
    const detailed = { type: "image_url", image_url: { url: "data:", detail: "high" } };
    expect(await tokensOf([{ role: "user", content: [image, detailed] }])).toBe(empty + 85 + 765);
  });

  it("include the parameters that are written into a prompt, and no others", async () => {
    const messages = [{ role: "user", content: "Look." }];
    const plain = await tokensOf(messages);
    const more = async (parameters: object) => (await tokensOf(messages, parameters)) - plain;
    const tool = (name: string) => ({
      type: "function",
      function: { name, description: "Looks." },
    });
    const tools = [tool("look"), tool("see")];
    const choice = { type: "function", function: { name: "see" } };
    const format = { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } };
    const inTools = 12 + 2 * 7 + theirCount(JSON.stringify(tools));
    expect(await more({ tools })).toBe(inTools);
    expect(await more({ tools, tool_choice: choice })).toBe(
      inTools + theirCount(JSON.stringify(choice)),
    );
    expect(await more({ response_format: format })).toBe(theirCount(JSON.stringify(format)));
    expect(await more({ reasoning_effort: "high" })).toBe(theirCount("high"));
    expect(await more({ temperature: 1, user: "ann", tools: [], verbosity: null })).toBe(
      theirCount("[]"),
    );
  });
});

function tokensOf(messages: readonly object[], parameters: object = {}): Promise<number> {
  const request = parseChatRequest({ model: "sim-economy", messages, ...parameters });
  return countPromptTokens(request, countTexts);
}
