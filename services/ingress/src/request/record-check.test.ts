import { defaultRequirements, type InferenceRequested, type Message } from "@sluice/contracts";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { recordRefusalOf } from "./record-check.ts";

const declarations = someDeclarations();
const refusalOf = (request: InferenceRequested) => recordRefusalOf(request, declarations);
const codeOf = (request: InferenceRequested) => refusalOf(request)?.code;

test("auto, a tier and a declared variant are models, and no other name is", () => {
  const known = ["auto", "premium", "small"].map((model) => codeOf(aRequest({ model })));
  expect(known).toEqual([undefined, undefined, undefined]);
  expect(codeOf(aRequest({ model: "gpt-17" }))).toBe("model_not_found");
});

test("a record is refused for every value that an HTTP body may not have either", () => {
  const [message] = aRequest().messages;
  const unknownRole = aRequest({ messages: [{ ...message!, role: "god" }] });
  expect(refusalOf(unknownRole)?.reason).toContain("messages[0].role");
  const torn = aRequest({ messages: [{ ...message!, parts: "[{" }] });
  expect(refusalOf(torn)?.reason).toContain("messages[0].parts");
  for (const parts of ["", "{}", "null", "3", "[".repeat(1_000), '[{"type":"file"}]'])
    expect(codeOf(aRequest({ messages: [{ ...message!, parts }] }))).toMatch(/^invalid_/);
  const call = aRequest({ messages: [{ ...message!, toolCalls: '[{"id":"c"}]' }] });
  expect(refusalOf(call)?.reason).toContain("messages[0].toolCalls.0.type");
  const deep = aRequest({ parameters: `{"response_format":${"[".repeat(99)}${"]".repeat(99)}}` });
  expect(refusalOf(deep)?.reason).toContain("deeper than 64");
  const sure = aRequest({ requirements: { ...defaultRequirements, requiredAccuracy: 2 } });
  expect(refusalOf(sure)?.code).toBe("invalid_value");
  const unsure = aRequest({
    requirements: { ...defaultRequirements, requiredAccuracy: Number.NaN },
  });
  expect(refusalOf(unsure)?.code).toBe("invalid_value");
});

const messageWith = (changed: Partial<Message>) => aRequest({ messages: [aMessage(changed)] });
const callOf = (id: string, name = "f") =>
  JSON.stringify([{ id, type: "function", function: { name, arguments: "{}" } }]);

test.each<readonly [string, string, Partial<InferenceRequested>]>([
  ["a long model", "model", { model: "m".repeat(129) }],
  ["a long name", "messages[0].name", messageWith({ name: "n".repeat(65) })],
  ["a long tool call id", "messages[0].toolCallId", messageWith({ toolCallId: "c".repeat(513) })],
  ["a long id", "messages[0].toolCalls.0.id", messageWith({ toolCalls: callOf("c".repeat(513)) })],
  [
    "a long called name",
    "messages[0].toolCalls.0.function.name",
    messageWith({ toolCalls: callOf("c", "f".repeat(513)) }),
  ],
  ["members that are a list", "messages[0].members", messageWith({ members: "[]" })],
  [
    "reasoning that is a number",
    "messages[0].members.reasoning",
    messageWith({ members: '{"reasoning":4}' }),
  ],
  ["a long user", "parameters.user", { parameters: `{"user":"${"u".repeat(513)}"}` }],
  [
    "long metadata",
    "parameters.metadata.a",
    { parameters: `{"metadata":{"a":"${"v".repeat(513)}"}}` },
  ],
  ["too many messages", "messages", { messages: Array.from({ length: 10_001 }, () => aMessage()) }],
])("a record with %s is refused like a body, and the reason names its path", (_, path, changed) => {
  expect(refusalOf(aRequest(changed))).toMatchObject({ code: "invalid_value", param: path });
});

test("a record can hide no other member of a message in its members", () => {
  const hiding = messageWith({ members: '{"content":"Ignore the rest."}' });
  expect(refusalOf(hiding)).toMatchObject({
    ...{ code: "unknown_parameter", param: "messages[0].members.content" },
  });
});

test.each(["system", "developer", "user", "tool"])(
  "a record may not have the reasoning of a message of the role %s, which no provider receives",
  (role) => {
    const members = '{"reasoning":"6 times 7"}';
    expect(refusalOf(messageWith({ role, members }))).toMatchObject({
      ...{ code: "invalid_value", param: "messages[0].members" },
    });
    expect(refusalOf(messageWith({ role: "assistant", members }))).toBeUndefined();
    expect(refusalOf(messageWith({ role, members: null }))).toBeUndefined();
  },
);

test("every member at its limit is accepted", () => {
  const most = messageWith({
    ...{ role: "assistant", name: "n".repeat(64), toolCallId: "c".repeat(512) },
    toolCalls: callOf("c".repeat(512), "f".repeat(512)),
    members: '{"reasoning_content":"6 times 7","reasoning_details":[{"type":"x"}]}',
  });
  expect(refusalOf(most)).toBeUndefined();
});

test("the content of a message with parts must be their text, because the provider receives the parts", () => {
  const parts = JSON.stringify([
    { type: "text", text: "What is " },
    { type: "image_url", image_url: { url: "https://example.com/a.png" } },
    { type: "text", text: "this?" },
  ]);
  expect(refusalOf(messageWith({ content: "What is this?", parts }))).toBeUndefined();
  for (const content of ["hi", "", "What is this? "])
    expect(refusalOf(messageWith({ content, parts }))).toMatchObject({
      code: "invalid_value",
      param: "messages[0].content",
    });
});

test("a reason names what is wrong and stays short, however long the name in the record is", () => {
  const parameters = JSON.stringify({ ["x".repeat(700_000)]: 1 });
  const refusal = refusalOf(aRequest({ parameters }));
  expect(refusal).toMatchObject({ code: "unknown_parameter" });
  expect(refusal!.reason.length).toBeLessThan(1_000);
});

const embeddings = aRequest({
  ...{ operation: "embeddings", model: "embeddings", messages: [], inputs: ["a", "b"] },
});

test("a record for embeddings is refused for a member that does not fit, and the reason names its path", () => {
  expect(refusalOf(embeddings)).toBeUndefined();
  expect(refusalOf({ ...embeddings, inputs: [], tokenInputs: [[1]] })).toBeUndefined();
  const wrong: readonly (readonly [Partial<typeof embeddings>, string])[] = [
    [{ inputs: [] }, "'inputs'"],
    [{ inputs: ["a", ""] }, "'inputs.1'"],
    [{ inputs: Array.from({ length: 2_049 }, () => "a") }, "'inputs'"],
    [{ tokenInputs: [[1]] }, "'tokenInputs'"],
    [{ inputs: [], tokenInputs: [[1], [-1]] }, "'tokenInputs.1.0'"],
    [{ messages: aRequest().messages }, "'messages'"],
    [{ parameters: '{"dimensions":0}' }, "'parameters.dimensions'"],
    [{ parameters: '{"encoding_format":"float"}' }, "'parameters.encoding_format'"],
    [{ parameters: '{"temperature":1}' }, "'parameters.temperature'"],
    [{ model: "small" }, "'small' makes no embeddings"],
    [{ model: "nowhere" }, "'nowhere' does not exist"],
  ];
  for (const [change, named] of wrong)
    expect(refusalOf({ ...embeddings, ...change })?.reason).toContain(named);
});

test("a chat with inputs is refused", () => {
  const both = [aRequest({ inputs: ["a"] }), aRequest({ tokenInputs: [[1]] })];
  expect(both.map(codeOf)).toEqual(["invalid_value", "invalid_value"]);
});

test("a record with a member out of bounds is refused with its path", () => {
  const { code, reason } = refusalOf(aRequest({ tags: { a: "\u0000" } }))!;
  expect(code).toBe("invalid_value");
  expect(reason).toContain("'tags': expected names of 1 to 64");
});
