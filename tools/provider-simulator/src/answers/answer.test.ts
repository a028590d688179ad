import { describe, expect, it } from "vitest";
import { answersTo } from "./answer.ts";
import { parseChatRequest } from "../chat/chat-request.ts";
import { answerRequestOf } from "../chat/prompt.ts";
import { servedModels } from "../models.ts";
import { countTokens } from "../tokens.ts";

const messages = [{ role: "user", content: "Why is the sky blue?" }];

describe("the answer of a simulated model", () => {
  it("depends on the prompt and the model only", () => {
    expect(textOf({ temperature: 0.9, seed: 7 })).toBe(textOf({}));
    expect(textOf({ model: "sim-standard" })).not.toBe(textOf({}));
    expect(textOf({ messages: [{ role: "user", content: "Why?" }] })).not.toBe(textOf({}));
  });

  it("is the same for a text that is given as a string or as one part", () => {
    const parts = [{ type: "text", text: "Why is the sky blue?" }];
    expect(textOf({ messages: [{ role: "user", content: parts }] })).toBe(textOf({}));
  });

  it("begins with the label, even if it is cut after one token", () => {
    expect(textOf({})).toMatch(/^\[simulated\] /);
    const [answer] = answered({ max_tokens: 1 });
    expect(answer).toMatchObject({ tokens: ["[simulated]"], end: "limit" });
  });

  it("is cut at max_completion_tokens, which includes reasoning tokens", () => {
    const [answer] = answered({ model: "sim-premium", max_completion_tokens: 20 });
    expect(answer?.end).toBe("limit");
    expect((answer?.tokens.length ?? 0) + (answer?.reasoningTokens ?? 0)).toBe(20);
    expect(answer?.reasoningTokens).toBeGreaterThan(0);
  });

  it("ends before a stop text and is otherwise unchanged", () => {
    const whole = textOf({});
    const [stopped] = answered({ stop: [". "] });
    expect(stopped).toMatchObject({ end: "stop-text", stopText: ". " });
    expect(stopped?.tokens.join("")).toBe(whole.slice(0, whole.indexOf(". ")));
  });

  it("differs between the choices of one request", () => {
    const [first, second] = answered({ n: 2 }).map(({ tokens }) => tokens.join(""));
    expect(first).toBe(textOf({}));
    expect(second).not.toBe(first);
  });

  it("is JSON with a simulated member if the request asks for JSON", () => {
    const parameters = { response_format: { type: "json_object" } };
    expect(JSON.parse(textOf(parameters))).toMatchObject({ simulated: true });
  });

  it("fills the properties of a JSON schema", () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, mood: { enum: ["calm"] } },
    };
    const parameters = {
      response_format: { type: "json_schema", json_schema: { name: "c", schema } },
    };
    const answer: unknown = JSON.parse(textOf(parameters));
    expect(answer).toMatchObject({ simulated: true, mood: "calm" });
    expect(answer).toHaveProperty("city", expect.stringContaining("[simulated]"));
  });

  it("calls the required tool with arguments that fit its schema", () => {
    const parameters = { type: "object", properties: { amount: { type: "integer" } } };
    const [answer] = answered({
      tools: [{ type: "function", function: { name: "pay", parameters } }],
      tool_choice: "required",
    });
    expect(answer).toMatchObject({ toolName: "pay", end: "tool-call" });
    expect(JSON.parse(answer?.tokens.join("") ?? "")).toEqual({ amount: expect.any(Number) });
  });

  it("has as many tokens as its text contains", () => {
    for (const { tokens } of answered({ n: 20 }))
      expect(countTokens(tokens.join(""))).toBe(tokens.length);
  });
});

function answered(parameters: object) {
  const request = parseChatRequest({ model: "sim-economy", messages, ...parameters });
  const served = servedModels.get(request.model);
  if (!served) throw new Error(`No model ${request.model}.`);
  return answersTo(answerRequestOf(request), served.profile);
}

function textOf(parameters: object): string {
  return answered(parameters)[0]?.tokens.join("") ?? "";
}
