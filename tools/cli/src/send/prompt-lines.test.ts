import fc from "fast-check";
import { expect, test } from "vitest";
import { promptLinesOf } from "./prompt-lines.ts";

function linesOf(text: string, model = "auto", round = 1) {
  return promptLinesOf(Buffer.from(text), model, round).lines;
}

function reasonsOf(content: string | Buffer): readonly string[] {
  return promptLinesOf(Buffer.from(content), "auto").bad.map(
    ({ line, reason }) => `${line}: ${reason}`,
  );
}

const keysOf = (text: string, model?: string, round?: number) =>
  linesOf(text, model, round).map(({ idempotencyKey }) => idempotencyKey);

test("a prompt becomes a user message, and a line with messages is sent unchanged", () => {
  const tools = [{ type: "function", function: { name: "look" } }];
  const text = [
    JSON.stringify({ prompt: "Hi" }),
    JSON.stringify({
      id: 4,
      model: "premium",
      messages: [{ role: "system", content: "x" }],
      tools,
    }),
  ].join("\n");
  expect(linesOf(text)).toMatchObject([
    { line: 1, id: null, body: { model: "auto", messages: [{ role: "user", content: "Hi" }] } },
    { line: 2, id: "4", body: { model: "premium", messages: [{ role: "system" }], tools } },
  ]);
});

test("empty lines are counted but skipped, and the last line does not need a line feed", () => {
  const text = '{"prompt":"a"}\r\n\n   \n{"prompt":"b"}';
  expect(linesOf(text).map(({ line }) => line)).toEqual([1, 4]);
  expect(promptLinesOf(Buffer.from(""), "auto")).toEqual({ lines: [], bad: [] });
});

test.each([
  ["nonsense", "1: it is not a JSON object"],
  ['"text"', "1: it is not a JSON object"],
  ["[1]", "1: it is not a JSON object"],
  ["{}", '1: it needs either "prompt" or "messages"'],
  ['{"prompt":"a","messages":[{}]}', '1: it needs either "prompt" or "messages"'],
  ['{"prompt":["a"]}', '1: "prompt" must be text'],
  ['{"messages":[]}', '1: "messages" must be a list'],
  ['{"messages":"hi"}', '1: "messages" must be a list'],
  ['{"id":"","prompt":"a"}', '1: "id" must be'],
  ['{"id":1.5,"prompt":"a"}', '1: "id" must be'],
  ['{"prompt":"a","stream":true}', '1: "stream" is not allowed in files'],
])("%s is malformed, and the message gives the reason", (text, expected) => {
  expect(reasonsOf(text)).toEqual([expect.stringContaining(expected)]);
});

test("every malformed line is named, including a line that is not UTF-8", () => {
  const content = Buffer.concat([
    Buffer.from('{"id":"a","prompt":"x"}\n{\n'),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from('{"id":"a","prompt":4}'),
  ]);
  expect(reasonsOf(content)).toEqual([
    expect.stringMatching(/^2: it is not a JSON/),
    "3: it is not UTF-8",
    '4: "prompt" must be text',
  ]);
});

test("the same file gets the same idempotency keys, so that a second run joins the first", () => {
  const texts = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(texts, (prompts) => {
      const text = prompts.map((prompt) => JSON.stringify({ prompt })).join("\n");
      const keys = keysOf(text);
      expect(keysOf(text)).toEqual(keys);
      // The same prompt on two lines is sent twice.
      expect(new Set(keys).size).toBe(prompts.length);
      // Ingress's rule for the header.
      for (const key of keys) expect(key).toMatch(/^[\x20-\x7e]{1,255}$/);
    }),
  );
});

test("when the file around it changes, a line with an id keeps its key and a line without one does not", () => {
  const [named, plain] = keysOf('{"id":"a","prompt":"x"}\n{"prompt":"y"}');
  const [namedLater, plainLater] = keysOf('{"id":"a","prompt":"x"}\n{"prompt":"y"}\n');
  expect(namedLater).toBe(named);
  expect(plainLater).not.toBe(plain);
});

test("two lines with one id are two requests, each with its own stable key", () => {
  const [first, second] = keysOf('{"id":"a","prompt":"x"}\n{"id":"a","prompt":"x"}');
  expect(second).not.toBe(first);
  expect(keysOf('{"id":"a","prompt":"x"}\n\n{"id":"a","prompt":"x"}\n')).toEqual([first, second]);
});

test("another prompt, model or round under the same id is another request and not a conflict", () => {
  const keys = [
    ...keysOf('{"id":"a","prompt":"x"}'),
    ...keysOf('{"id":"a","prompt":"y"}'),
    ...keysOf('{"id":"a","prompt":"x"}', "premium"),
    ...keysOf('{"id":"a","prompt":"x"}', "auto", 2),
  ];
  expect(new Set(keys).size).toBe(4);
});
