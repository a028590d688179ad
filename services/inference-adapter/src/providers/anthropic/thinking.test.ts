import type { Dialect } from "@sluice/declarations";
import { describe, expect, test } from "vitest";
import { bodyOf, type Changes, toolCalls, user } from "./messages-body.fixture.ts";

describe("the reasoning effort", () => {
  const think = (effort: string, changes: Changes = {}) =>
    bodyOf({ outputLimit: 10_000n, ...changes, parameters: { reasoning_effort: effort } });

  test("is a share of the output limit, within the limits of the API", () => {
    const budgets = ["minimal", "low", "medium", "high", "max"].map((effort) => {
      const body = think(effort);
      return "thinking" in body && body.thinking?.type === "enabled"
        ? body.thinking.budget_tokens
        : null;
    });
    expect(budgets).toEqual([1_024, 2_000, 5_000, 8_000, 9_500]);
    expect(think("low", { outputLimit: 1_300n })).toMatchObject({
      thinking: { type: "enabled", budget_tokens: 1_024 },
    });
  });

  test("is left out if there is no room to think and to answer, and if the client wants none", () => {
    expect(think("high", { outputLimit: 1_279n })).not.toHaveProperty("thinking");
    expect(think("none")).not.toHaveProperty("thinking");
    expect(bodyOf()).not.toHaveProperty("thinking");
  });

  test("is sent by its name to a model that decides itself, with the form of the answer", () => {
    const dialect = { thinking: "effort" } as const;
    expect(think("minimal", { dialect })).toMatchObject({
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low" },
    });
    expect(think("none", { dialect })).toMatchObject({ thinking: { type: "disabled" } });
    const format = { type: "json_schema", json_schema: { name: "v", schema: { type: "object" } } };
    const parameters = { reasoning_effort: "xhigh", response_format: format };
    expect(bodyOf({ parameters, dialect })).toMatchObject({
      output_config: { effort: "xhigh", format: { type: "json_schema" } },
    });
  });

  test("is left out if a tool must be called, or an answer is to be continued, which refuse it", () => {
    const tools = [{ type: "function", function: { name: "look" } }];
    for (const dialect of [{ thinking: "budget" }, { thinking: "effort" }] as const) {
      for (const tool_choice of ["required", { type: "function", function: { name: "look" } }])
        expect(
          bodyOf({
            ...{ dialect, outputLimit: 10_000n },
            parameters: { reasoning_effort: "high", tools, tool_choice },
          }),
        ).not.toHaveProperty("thinking");
      const messages = [user, { role: "assistant", content: "The river" }];
      expect(think("high", { messages, dialect })).not.toHaveProperty("thinking");
    }
  });

  test("is left out after a tool call whose thinking the client did not send back", () => {
    const result = { role: "tool", content: "blue", toolCallId: "call_1" };
    const messages = [user, { role: "assistant", content: "", toolCalls }, result];
    expect(think("high", { messages })).not.toHaveProperty("thinking");
    const members = membersWith({ type: "reasoning.text", text: "Hm", signature: "c2ln" });
    const withThoughts = [user, { role: "assistant", content: "", toolCalls, members }, result];
    expect(think("high", { messages: withThoughts })).toHaveProperty("thinking");
  });
});

describe("the thinking of earlier answers", () => {
  const history = (members: string, dialect: Partial<Dialect> = {}) => {
    const messages = [user, { role: "assistant", content: "Nile", members }, user];
    const body = bodyOf({ messages, dialect });
    return "messages" in body ? body.messages[1]?.content : undefined;
  };
  const text = { type: "text", text: "Nile" };

  test("is sent back before the answer, with its signature", () => {
    const members = membersWith(
      { type: "reasoning.text", text: "Long", signature: "c2ln" },
      { type: "reasoning.encrypted", data: "xyz" },
    );
    expect(history(members)).toEqual([
      { type: "thinking", thinking: "Long", signature: "c2ln" },
      { type: "redacted_thinking", data: "xyz" },
      text,
    ]);
    expect(history(members, { reasoningInHistory: false })).toEqual([text]);
  });

  test("is sent back in one piece, also if a client kept the pieces of a stream", () => {
    const members = membersWith({ type: "reasoning.text", text: "6 times", index: 0 });
    const { reasoning_details: pieces } = JSON.parse(members);
    const [piece] = pieces;
    const { text: _text, ...bare } = piece;
    const sent = [piece, { ...piece, text: " 7" }, { ...bare, signature: "c2ln" }];
    expect(history(JSON.stringify({ reasoning_details: sent }))).toEqual([
      { type: "thinking", thinking: "6 times 7", signature: "c2ln" },
      text,
    ]);
  });

  test("is left out if Anthropic did not sign it", () => {
    const unsigned = membersWith({ type: "reasoning.text", text: "Long" });
    const details = [
      { type: "reasoning.text", text: "Hm", signature: "c2ln", format: "openai-v1" },
    ];
    for (const members of [
      unsigned,
      JSON.stringify({ reasoning_content: "Hm" }),
      JSON.stringify({ reasoning_details: details }),
    ])
      expect(history(members)).toEqual([text]);
  });
});

function membersWith(...details: readonly object[]): string {
  const signed = details.map((detail, index) => ({
    ...{ format: "anthropic-claude-v1", index },
    ...detail,
  }));
  return JSON.stringify({ reasoning_content: "Hm", reasoning_details: signed });
}
