import { defaultRequirements, type InferenceRequested } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import * as fc from "fast-check";

export type HeaderChange =
  | { readonly kind: "missing" | "empty"; readonly name: string }
  | { readonly kind: "set"; readonly name: string; readonly value: Buffer }
  /** Sets the header twice. The last value counts. */
  | { readonly kind: "twice"; readonly name: string; readonly rightIsLast: boolean };

/** Describes a message to make. A signed message is signed over the bytes that are sent. */
export type Draft =
  | { readonly kind: "good" }
  | { readonly kind: "hostile"; readonly changes: Partial<InferenceRequested> }
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly signed: boolean }
  | {
      readonly kind: "torn";
      readonly changes: Partial<InferenceRequested>;
      readonly flips: readonly (readonly [number, number])[];
      readonly keep: number;
      readonly signed: boolean;
    }
  | { readonly kind: "schema-id"; readonly id: number }
  | { readonly kind: "another-record"; readonly which: number; readonly renamed: boolean }
  | { readonly kind: "headers"; readonly changes: readonly HeaderChange[] }
  | { readonly kind: "issued-at"; readonly text: string };

const oddTexts = ["", " ", "\u0000", "\uD800", "\uDFFF\uD800", "\uFEFF", "\u2028", "é", "👋"];
const syntaxTexts = [
  "__proto__",
  "constructor",
  "NaN",
  "null",
  "{}",
  "[",
  '"',
  "' OR 1=1 --",
  "\r\n",
];
const hostileText = fc.constantFrom(...oddTexts, ...syntaxTexts);
const text = fc.oneof(
  { weight: 6, arbitrary: hostileText },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 60_000 }).map((size) => "x".repeat(size)) },
);
const maybeText = fc.option(text, { nil: null });
const oddNumbers = [
  -1,
  0,
  0.5,
  1,
  16,
  17,
  1e21,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
];
const number = fc.constantFrom(...oddNumbers);
const int32 = fc.constantFrom(-(2 ** 31), -1, 0, 1, 2 ** 31 - 1);
const deep = fc
  .integer({ min: 1, max: 3_000 })
  .map((depth) => `${"[".repeat(depth)}1${"]".repeat(depth)}`);
const json = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 2, arbitrary: deep },
  { weight: 3, arbitrary: fc.json({ maxDepth: 3 }) },
);

const parameterNames = [
  "temperature",
  "max_tokens",
  "n",
  "seed",
  "stop",
  "logit_bias",
  "user",
  "x",
];
const parameters = fc.oneof(
  { weight: 2, arbitrary: json },
  {
    weight: 5,
    arbitrary: fc
      .dictionary(
        fc.constantFrom(...parameterNames),
        fc.oneof(number, text, fc.jsonValue({ maxDepth: 2 })),
        { minKeys: 1, maxKeys: 3 },
      )
      .map((given) => JSON.stringify(given)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...parameterNames), deep)
      .map((of) => `{"${of[0]}":${of[1]}}`),
  },
);

const ordinary = aRequest().messages[0]!;
const message = fc
  .record(
    {
      role: fc.oneof(fc.constantFrom("user", "system", "tool", "assistant"), text),
      content: text,
      parts: fc.option(json, { nil: null }),
      toolCalls: fc.option(json, { nil: null }),
      toolCallId: maybeText,
      name: maybeText,
    },
    { requiredKeys: [] },
  )
  .map((changed) => ({ ...ordinary, ...changed }));

const id = fc.oneof(
  text,
  fc.constantFrom(1, 127, 128, 129, 5_000).chain((size) =>
    fc.string({
      unit: fc.constantFrom("a", "b", "c", "~", "!"),
      minLength: size,
      maxLength: size,
    }),
  ),
);

const requirements = fc
  .record(
    {
      requiredAccuracy: fc.constantFrom(Number.NaN, Infinity, -Infinity, -0, 1, 1.1, 1e308),
      maxLatencyMs: int32,
      maxCostNanoUsd: fc.constantFrom(-1n, 0n, 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
      deadlineAt: fc.constantFrom(-1, 0, 1, 8_640_000_000_000_001, 2 ** 53 - 2, -(2 ** 53 - 2)),
      lane: fc.constantFrom("realtime" as const, "batch" as const, "any" as const),
      onDoubt: fc.constantFrom("retry" as const, "fail" as const),
    },
    { requiredKeys: [] },
  )
  .map((changed) => ({ ...defaultRequirements, ...changed }));

/** Fields of a request that is valid only for embeddings. */
const embeddings: Partial<InferenceRequested> = {
  operation: "embeddings",
  model: "sim-embedding-small",
  messages: [],
  parameters: "{}",
  inputs: ["A river.", "A lock."],
};

/** Sets one to three fields to hostile values. */
const changes: fc.Arbitrary<Partial<InferenceRequested>> = fc
  .tuple(
    fc.record({
      requestId: id,
      model: fc.oneof(
        text,
        fc.constantFrom("auto", "economy", "sim-standard", "sim-embedding-small"),
      ),
      messages: fc.oneof(
        { weight: 5, arbitrary: fc.array(message, { maxLength: 4 }) },
        { weight: 1, arbitrary: fc.constant(Array.from({ length: 300 }, () => ordinary)) },
      ),
      parameters,
      requirements,
      cache: fc.record({
        mode: fc.constantFrom("automatic" as const, "use" as const, "refresh" as const),
        ttlSeconds: fc.option(int32, { nil: null }),
      }),
      sessionId: maybeText,
      runId: maybeText,
      stepId: maybeText,
      tags: fc.dictionary(text, text, { maxKeys: 80 }),
      operation: fc.constantFrom("chat" as const, "embeddings" as const),
      inputs: fc.array(text, { maxLength: 5 }),
      tokenInputs: fc.array(fc.array(int32, { maxLength: 5 }), { maxLength: 5 }),
    }),
    fc.shuffledSubarray(
      [
        ...(["requestId", "model", "messages", "parameters", "requirements", "cache"] as const),
        ...(["sessionId", "runId", "stepId", "tags"] as const),
        ...(["operation", "inputs", "tokenInputs"] as const),
      ],
      { minLength: 1, maxLength: 3 },
    ),
    fc.constantFrom({}, {}, {}, embeddings),
  )
  .map(([all, chosen, base]) => ({
    ...base,
    ...Object.fromEntries(chosen.map((name) => [name, all[name]])),
  }));

const signedNames = ["sluice-key-id", "sluice-issued-at", "sluice-signature"];
const names = fc.oneof(
  fc.constantFrom(...signedNames, ...signedNames, "correlation-id", "traceparent", "tracestate"),
  fc.constantFrom("dead-letter-code", "__proto__", "constructor", "", "é", "content-type"),
);
const headerChange: fc.Arbitrary<HeaderChange> = fc.oneof(
  fc.record({ kind: fc.constantFrom("missing" as const, "empty" as const), name: names }),
  fc.record({
    kind: fc.constant("set" as const),
    name: names,
    value: fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      text.map((each) => Buffer.from(each)),
      fc.integer({ min: 1, max: 200_000 }).map((size) => Buffer.alloc(size, 0xff)),
    ),
  }),
  fc.record({ kind: fc.constant("twice" as const), name: names, rightIsLast: fc.boolean() }),
);

const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 15, arbitrary: fc.constant<Draft>({ kind: "good" }) },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant("hostile" as const), changes }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("bytes" as const),
      bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      signed: fc.boolean(),
    }),
  },
  {
    weight: 25,
    arbitrary: fc.record({
      kind: fc.constant("torn" as const),
      changes: fc.oneof(fc.constant({}), changes),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      keep: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      signed: fc.boolean(),
    }),
  },
  {
    weight: 5,
    // Few different ids, because each unknown id is looked up in the registry.
    arbitrary: fc.record({
      kind: fc.constant("schema-id" as const),
      id: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("another-record" as const),
      which: fc.nat({ max: 9 }),
      renamed: fc.boolean(),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("headers" as const),
      changes: fc.array(headerChange, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("issued-at" as const),
      text: fc.constantFrom(
        "",
        "now",
        "-1",
        "0",
        "1e13",
        "9".repeat(15),
        "9".repeat(400),
        "\u0000",
      ),
    }),
  },
);

/** Returns drafts that depend only on the seed. */
export function draftsOf(seed: number, count: number): readonly Draft[] {
  return fc.sample(draft, { seed, numRuns: count });
}
