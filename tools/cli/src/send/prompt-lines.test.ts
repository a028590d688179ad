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

test("a prompt is a message of the user, and a body is taken as it is", () => {
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

test("empty lines count, and are passed over; a last line needs no end", () => {
  const text = '{"prompt":"a"}\r\n\n   \n{"prompt":"b"}';
  expect(linesOf(text).map(({ line }) => line)).toEqual([1, 4]);
  expect(promptLinesOf(Buffer.from(""), "auto")).toEqual({ lines: [], bad: [] });
});

test.each([
  ["nonsense", "1: it is no JSON object"],
  ['"text"', "1: it is no JSON object"],
  ["[1]", "1: it is no JSON object"],
  ["{}", '1: it needs either "prompt" or "messages"'],
  ['{"prompt":"a","messages":[{}]}', '1: it needs either "prompt" or "messages"'],
  ['{"prompt":["a"]}', '1: "prompt" must be text'],
  ['{"messages":[]}', '1: "messages" must be a list'],
  ['{"messages":"hi"}', '1: "messages" must be a list'],
  ['{"id":"","prompt":"a"}', '1: "id" must be'],
  ['{"id":1.5,"prompt":"a"}', '1: "id" must be'],
  ['{"prompt":"a","stream":true}', '1: "stream" is not for files'],
])("%s is malformed, and said to be", (text, expected) => {
  expect(reasonsOf(text)).toEqual([expect.stringContaining(expected)]);
});

test("every malformed line is named, also one that is no UTF-8", () => {
  const content = Buffer.concat([
    Buffer.from('{"id":"a","prompt":"x"}\n{\n'),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from('{"id":"a","prompt":4}'),
  ]);
  expect(reasonsOf(content)).toEqual([
    expect.stringMatching(/^2: it is no JSON/),
    "3: it is not UTF-8",
    '4: "prompt" must be text',
  ]);
});

test("the same file has the same keys, so that a second run joins the first", () => {
  const texts = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(texts, (prompts) => {
      const text = prompts.map((prompt) => JSON.stringify({ prompt })).join("\n");
      const keys = keysOf(text);
      expect(keysOf(text)).toEqual(keys);
      // The same prompt on two lines is asked twice.
      expect(new Set(keys).size).toBe(prompts.length);
      // The edge's rule for its header.
      for (const key of keys) expect(key).toMatch(/^[\x20-\x7e]{1,255}$/);
    }),
  );
});

test("a line with an id keeps its key when the file around it changes, one without does not", () => {
  const [named, plain] = keysOf('{"id":"a","prompt":"x"}\n{"prompt":"y"}');
  const [namedLater, plainLater] = keysOf('{"id":"a","prompt":"x"}\n{"prompt":"y"}\n');
  expect(namedLater).toBe(named);
  expect(plainLater).not.toBe(plain);
});

test("an id that comes twice is asked twice, and each time with the same key", () => {
  const [first, second] = keysOf('{"id":"a","prompt":"x"}\n{"id":"a","prompt":"x"}');
  expect(second).not.toBe(first);
  expect(keysOf('{"id":"a","prompt":"x"}\n\n{"id":"a","prompt":"x"}\n')).toEqual([first, second]);
});

test("another prompt, model or round under an id is another request, and no conflict", () => {
  const keys = [
    ...keysOf('{"id":"a","prompt":"x"}'),
    ...keysOf('{"id":"a","prompt":"y"}'),
    ...keysOf('{"id":"a","prompt":"x"}', "premium"),
    ...keysOf('{"id":"a","prompt":"x"}', "auto", 2),
  ];
  expect(new Set(keys).size).toBe(4);
});
