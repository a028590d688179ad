import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { parseChatBody } from "./chat-body.ts";
import { noAdditions, valueOf } from "./parsed.fixture.ts";
import { recordSizeRefusalOf } from "./record-size.ts";

const kibibyte = 1_024;

test("a record with the longest body as parts and as text fits", () => {
  const text = "x".repeat(768 * kibibyte - 200);
  const body = { model: "auto", messages: [{ role: "user", content: partsOf(text) }] };
  expect(JSON.stringify(body).length).toBeLessThan(768 * kibibyte);
  const { messages } = valueOf(parseChatBody(body, noAdditions));
  expect(messages[0]!.parts?.length).toBeGreaterThan(text.length);
  expect(recordSizeRefusalOf({ ...aRequest(), messages })).toBeUndefined();
});

function partsOf(text: string): readonly object[] {
  return [
    { type: "text", text },
    { type: "text", text: "" },
  ];
}

test("a body whose numbers are written out beyond a message is refused, although it is short", () => {
  const numbers = Array.from({ length: 150_000 }, () => "1E20").join();
  const schema = `{"type":"object","properties":{"a":{"enum":[${numbers}]}}}`;
  const tool = `{"type":"function","function":{"name":"f","parameters":${schema}}}`;
  const text = `{"model":"auto","messages":[{"role":"user","content":"x"}],"tools":[${tool}]}`;
  expect(text.length).toBeLessThan(768 * kibibyte);
  const { parameters } = valueOf(parseChatBody(JSON.parse(text), noAdditions));
  const refusal = recordSizeRefusalOf({ ...aRequest(), parameters });
  expect(refusal).toMatchObject({ code: "body_too_large", param: null });
  expect(refusal!.reason).toContain("and 1572864 are allowed");
});

test.each([
  ["content", { content: "\u4e2d".repeat(524_289) }],
  ["parts", { parts: "x".repeat(1_572_865) }],
  ["tool calls", { toolCalls: "x".repeat(1_572_865) }],
  ["reasoning", { members: "x".repeat(1_572_865) }],
])("the bytes of %s count", (_, changed) => {
  const messages = [{ ...aMessage(), content: "", ...changed }];
  expect(recordSizeRefusalOf({ ...aRequest(), parameters: "", messages })?.code).toBe(
    "body_too_large",
  );
});

test("the bytes of inputs count, and exactly the limit is allowed", () => {
  const fitting = { ...aRequest(), messages: [], parameters: "", inputs: ["x".repeat(1_572_864)] };
  expect(recordSizeRefusalOf(fitting)).toBeUndefined();
  expect(recordSizeRefusalOf({ ...fitting, parameters: "x" })?.code).toBe("body_too_large");
});
