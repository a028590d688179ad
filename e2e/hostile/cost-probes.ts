import * as fc from "fast-check";

/** Texts of which a tokeniser makes many tokens, or many more than of their beginning. */
const dense = fc.oneof(
  fc
    .uint8Array({ minLength: 20, maxLength: 300 })
    .map((bytes) => Buffer.from(bytes).toString("base64")),
  fc.string({ unit: "binary", minLength: 10, maxLength: 200 }),
  fc.string({ unit: "grapheme", minLength: 10, maxLength: 100 }),
  fc
    .constantFrom("𠀀𠀁𠀂", "ᚠᛇᚻ", "👨‍👩‍👧‍👦", "é́́", "ประเทศไทย", "ꙮ", "=", "\n\t", "<|endoftext|>", "漢")
    .chain((unit) => fc.integer({ min: 1, max: 200 }).map((times) => unit.repeat(times))),
);
const sparse = fc.integer({ min: 0, max: 3_000 }).map((size) => " ".repeat(size));
const text = fc.tuple(sparse, dense).map(([first, last]) => first + last);
const longText = fc
  .tuple(fc.integer({ min: 60_000, max: 70_000 }), fc.integer({ min: 1, max: 40 }), dense)
  .map(([spaces, times, tail]) => " ".repeat(spaces) + tail.repeat(times));

const name = fc.string({
  unit: fc.constantFrom("a", "Z", "9", "_", "-"),
  minLength: 1,
  maxLength: 64,
});
const user = fc.oneof({ weight: 20, arbitrary: text }, { weight: 1, arbitrary: longText });
const turn = fc.oneof(
  user.map((content) => ({ role: "user", content })),
  fc.tuple(name, dense).map(([own, content]) => ({ role: "user", name: own, content })),
  fc.array(dense, { minLength: 1, maxLength: 4 }).map((texts) => ({
    role: "user",
    content: texts.map((each) => ({ type: "text", text: each })),
  })),
  fc.tuple(name, name, dense).map(([id, own, content]) => ({
    role: "assistant",
    content,
    tool_calls: [
      { id, type: "function", function: { name: own, arguments: JSON.stringify({ content }) } },
    ],
  })),
);
const toolTurns = fc.tuple(name, name, dense).map(([id, own, content]) => [
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id, type: "function", function: { name: own, arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: id, content },
]);
const manyTurns = fc
  .tuple(fc.integer({ min: 10, max: 200 }), name)
  .map(([times, own]) =>
    Array.from({ length: times }, () => ({ role: "user", name: own, content: "x" })),
  );

const more = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.tuple(name, dense).map(([own, description]) => ({
      tools: [
        {
          type: "function",
          function: {
            name: own,
            description,
            parameters: { type: "object", properties: { [own]: { type: "string", description } } },
          },
        },
      ],
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, dense).map(([own, description]) => ({
      response_format: {
        type: "json_schema",
        json_schema: { name: own, schema: { type: "object", description, properties: {} } },
      },
    })),
  },
);

/** Bodies of chats whose worst case is easily estimated too low. They depend only on the seed. */
export function costProbesOf(seed: number, probes: number): readonly object[] {
  const body = fc
    .tuple(
      fc.oneof(
        { weight: 6, arbitrary: fc.array(turn, { minLength: 1, maxLength: 3 }) },
        { weight: 1, arbitrary: toolTurns },
        { weight: 1, arbitrary: manyTurns },
      ),
      more,
      fc.integer({ min: 1, max: 4 }),
    )
    .map(([turns, rest, limit]) => ({
      model: "sim-economy",
      messages: [...turns, { role: "user", content: "Answer." }],
      max_completion_tokens: limit,
      ...rest,
    }));
  return fc.sample(body, { seed, numRuns: probes });
}

/** Bodies of chats as people write them. */
export function harmlessProbesOf(probes: number): readonly object[] {
  return Array.from({ length: probes }, (_, number) => ({
    model: "sim-economy",
    messages: [{ role: "user", content: `Compare two rivers of Europe in case ${number}.` }],
    max_completion_tokens: 3,
  }));
}
