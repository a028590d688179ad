import * as fc from "fast-check";

type Json = unknown;

/** Includes lone surrogates. `JSON.stringify` escapes them, so they reach ingress. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(
      "\uD800",
      "\uDFFF",
      "\u0000",
      "\u2028",
      "\uFEFF",
      "é",
      "世",
      "👋",
      "{",
      '"',
      "\\",
    ),
  }),
);
const number = fc.constantFrom(
  -1,
  0,
  -0,
  1,
  2,
  0.5,
  17,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  2 ** 64,
);
const nested = fc.integer({ min: 1, max: 2_000 }).map((depth) => {
  let value: Json = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
});
const wrong: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(null, true, false, "", [], {}, [[]], [null], [{}]) },
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: text },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 20_000 }).map((size) => "x".repeat(size)) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 100, max: 5_000 })
      .map((size) => Array.from({ length: size }, () => 1)),
  },
);

const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "integer" } } };
const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
const message: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ role: fc.constantFrom("user", "system"), content: text }) },
  fc.constant({
    role: "user",
    content: [
      { type: "text", text: "x" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
    ],
  }),
  fc.constant({ role: "assistant", content: null, tool_calls: [call] }),
  fc.constant({ role: "tool", tool_call_id: "c", content: "1" }),
  fc.constant({ role: "assistant", refusal: "No." }),
);
const parameters: fc.Arbitrary<Record<string, Json>> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.7, 2),
    n: fc.constantFrom(1, 2, 16),
    max_tokens: fc.constantFrom(1, 100, 1_000_000),
    stop: fc.oneof(text, fc.array(text, { maxLength: 4 })),
    seed: fc.integer(),
    logprobs: fc.boolean(),
    logit_bias: fc.dictionary(text, fc.integer({ min: -100, max: 100 })),
    metadata: fc.dictionary(text, text),
    tools: fc.constant([{ type: "function", function: { name: "f", parameters: schema } }]),
    tool_choice: fc.constantFrom("auto", "none", "required"),
    response_format: fc.constantFrom(
      { type: "json_object" },
      { type: "json_schema", json_schema: { name: "s", schema } },
    ),
    stream: fc.boolean(),
    stream_options: fc.constant({ include_usage: true }),
    user: text,
  },
  { requiredKeys: [] },
);
const valid: fc.Arbitrary<Json> = fc
  .tuple(
    fc.constantFrom("auto", "economy", "sim-standard"),
    fc.array(message, { minLength: 1, maxLength: 4 }),
    parameters,
  )
  .map(([model, messages, set]) => ({ model, messages, ...set }));

/** Replaces or removes the member that the path's numbers select, or adds an unknown member next to it. */
interface Mutation {
  readonly path: readonly number[];
  readonly kind: "replace" | "remove" | "add";
  readonly value: Json;
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  path: fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom("replace", "replace", "remove", "add"),
  value: wrong,
});

function mutated(value: Json, { path, kind, value: put }: Mutation): Json {
  if (typeof value !== "object" || value === null) return put;
  const entries = Object.entries(value);
  const [first = 0, ...rest] = path;
  if (kind === "add" && rest.length === 0) entries.push([`x${first}`, put]);
  const at = first % Math.max(entries.length, 1);
  const [name, inner] = entries[at] ?? ["0", null];
  const isHere = rest.length === 0 || typeof inner !== "object" || inner === null;
  if (kind === "remove" && isHere) entries.splice(at, 1);
  else if (kind !== "add" || !isHere)
    entries[at] = [name, isHere ? put : mutated(inner, { path: rest, kind, value: put })];
  return Array.isArray(value) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}

const mutants = fc
  .tuple(valid, fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([body, mutations]) => bytesOf(mutations.reduce(mutated, body)));

const torn = fc
  .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), fc.nat())
  .map(([body, flips, cut]) => {
    const bytes = bytesOf(body);
    for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
    return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
  });

const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
const spelt = fc
  .constantFrom(
    "",
    "null",
    "[]",
    '""',
    "1e999",
    "\uFEFF{}",
    '{"model":"auto"',
    "{}{}",
    '{"__proto__":{"a":1}}',
  )
  .map((body) => Buffer.from(body));
/** Bodies of which some exceed the limit of 768 KiB. */
const huge = fc
  .tuple(valid, fc.integer({ min: 300_000, max: 900_000 }))
  .map(([body, size]) => bytesOf({ ...Object(body), user: "é".repeat(size / 2) }));

function bytesOf(value: Json): Buffer {
  return Buffer.from(JSON.stringify(value) ?? "");
}

const body: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 60, arbitrary: mutants },
  { weight: 20, arbitrary: torn },
  { weight: 10, arbitrary: valid.map(bytesOf) },
  { weight: 5, arbitrary: bytes },
  { weight: 4, arbitrary: spelt },
  { weight: 1, arbitrary: huge },
);

/** Yields bodies that depend only on the seed. Creates them when they are needed, to bound the memory. */
export function* bodiesOf(seed: number, count: number): Generator<Buffer> {
  const perDraw = 500;
  for (let from = 0; from < count; from += perDraw) {
    const numRuns = Math.min(perDraw, count - from);
    yield* fc.sample(body, { seed: seed + from, numRuns });
  }
}
