import { expect, test } from "vitest";
import { checkParameters, parseChatBody } from "./chat-body.ts";

const body = (changed: object = {}) => ({
  model: "auto",
  messages: [{ role: "user", content: "Hi" }],
  ...changed,
});

test("an ordinary body becomes messages and canonical parameters", () => {
  const asked = body({ temperature: 0.5, stop: null, max_tokens: 5, stream: true });
  expect(parseChatBody(asked)).toEqual({
    model: "auto",
    messages: [
      { role: "user", content: "Hi", parts: null, toolCalls: null, toolCallId: null, name: null },
    ],
    parameters: '{"max_tokens":5,"temperature":0.5}',
    stream: true,
    includeUsage: false,
  });
});

test("text parts are their text; other parts are kept whole", () => {
  const text = [
    { type: "text", text: "What is" },
    { type: "text", text: " this?" },
  ];
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
  const [plain] = parseChatBody(body({ messages: [{ role: "user", content: text }] })).messages;
  expect(plain).toMatchObject({ content: "What is this?", parts: null });
  const messages = [{ role: "user", content: [...text, image] }];
  const [mixed] = parseChatBody(body({ messages })).messages;
  expect(mixed?.content).toBe("What is this?");
  expect(JSON.parse(mixed?.parts ?? "")).toEqual([...text, image]);
});

test("a turn of tools keeps its calls and what they answer", () => {
  const calls = [{ id: "c1", type: "function", function: { name: "add", arguments: "{}" } }];
  const messages = [
    { role: "assistant", content: null, tool_calls: calls },
    { role: "tool", content: "3", tool_call_id: "c1" },
  ];
  const [assistant, tool] = parseChatBody(body({ messages })).messages;
  expect(assistant?.content).toBe("");
  expect(JSON.parse(assistant?.toolCalls ?? "")).toEqual(calls);
  expect(tool).toMatchObject({ role: "tool", content: "3", toolCallId: "c1" });
});

test.each<readonly [object, string, string]>([
  [body({ model: "" }), "invalid_value", "model"],
  [body({ messages: "Hi" }), "invalid_value", "messages"],
  [body({ messages: [{ role: "user", content: [] }] }), "invalid_value", "messages.0.content"],
  [body({ temperature: "warm" }), "invalid_value", "temperature"],
  [body({ n: 0 }), "invalid_value", "n"],
  [body({ best_of: 2 }), "unknown_parameter", "best_of"],
  [body({ stream_options: { speed: 1 } }), "unknown_parameter", "stream_options.speed"],
])("%j is refused as %s of '%s'", (value, code, param) => {
  expect(() => parseChatBody(value)).toThrow(expect.objectContaining({ status: 400, code, param }));
});

test.each([null, "text", 3, [body()]])("%j is no body", (value) => {
  expect(() => parseChatBody(value)).toThrow(expect.objectContaining({ code: "invalid_value" }));
});

test("parameters of a record are checked like those of a body, and made canonical", () => {
  expect(checkParameters('{ "top_p": 1, "seed": 7, "user": null }')).toBe('{"seed":7,"top_p":1}');
  expect(() => checkParameters("{")).toThrow(expect.objectContaining({ code: "invalid_json" }));
  expect(() => checkParameters('{"best_of":2}')).toThrow(
    expect.objectContaining({ code: "unknown_parameter", param: "parameters.best_of" }),
  );
  expect(() => checkParameters('{"stream":true}')).toThrow("parameters.stream");
});
