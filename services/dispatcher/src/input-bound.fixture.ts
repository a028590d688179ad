import type { InferenceRequested, Message } from "@sluice/contracts";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { BytePairTokenCounter } from "@sluice/tokens";
import fc from "fast-check";
import { estimateInput } from "./input-estimate.ts";

/** A request whose bound is below the tokens that a provider may count for it. */
export interface BoundViolation {
  readonly request: InferenceRequested;
  readonly bound: bigint;
  readonly tokens: bigint;
}

/** Few enough that many drawn texts are longer than what is counted. */
const countedBytes = 400;
const counters = [
  await BytePairTokenCounter.load("o200k", countedBytes),
  await BytePairTokenCounter.load("cl100k", countedBytes),
] as const;
const oracles = [
  await BytePairTokenCounter.load("o200k"),
  await BytePairTokenCounter.load("cl100k"),
];

const usualMargin = 15n;

/**
 * Draws requests with hostile texts in every member that is sent, and returns those whose bound is too low.
 * The same seed draws the same requests.
 */
export async function boundViolations(
  cases: number,
  seed: number,
): Promise<readonly BoundViolation[]> {
  const violations: BoundViolation[] = [];
  for (const request of fc.sample(requests, { numRuns: cases, seed })) {
    const { inputTokensWith } = await estimateInput(request, counters);
    const bound = inputTokensWith(usualMargin);
    const tokens = await tokensSentBy(request);
    if (bound < tokens) violations.push({ request, bound, tokens });
  }
  return violations;
}

const rare = (first: number, last: number) =>
  fc
    .array(fc.integer({ min: first, max: last }), { minLength: 1, maxLength: 30 })
    .map((points) => String.fromCodePoint(...points));
const repeated = (text: fc.Arbitrary<string>, most: number) =>
  fc.tuple(text, fc.integer({ min: 1, max: most })).map(([each, times]) => each.repeat(times));

const dense = fc.oneof(
  rare(0x20_000, 0x2_a6df), // CJK extension B
  rare(0x0e01, 0x0e5b), // Thai
  rare(0x0900, 0x097f), // Devanagari
  rare(0xabc0, 0xabff), // Meetei Mayek
  rare(0x1_2000, 0x1_23ff), // cuneiform
  rare(0xac00, 0xd7a3),
  rare(0x00, 0x1f),
  fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  repeated(fc.constantFrom("👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️‍🔥"), 20),
  repeated(fc.constantFrom("é́", "à̴͓", "Z͑ͫ̓ͪ̂ͫ̽͏"), 30),
  repeated(
    fc.constantFrom("\text", "\new", '"', "\\", "\r\n", "\u0000", "\ud800", "<|endoftext|>"),
    40,
  ),
);
const text = fc.oneof(
  { arbitrary: dense, weight: 4 },
  { arbitrary: fc.lorem({ maxCount: 10 }), weight: 2 },
  { arbitrary: fc.string({ unit: "grapheme", maxLength: 30 }), weight: 2 },
  { arbitrary: repeated(fc.constantFrom(" ", "a", "-=", "\n", ".", "0"), 100), weight: 1 },
  // The dense part is after the beginning from which an estimate might conclude.
  {
    arbitrary: fc
      .tuple(fc.constantFrom(" ", "the ", "\n"), fc.integer({ min: 100, max: 400 }), dense)
      .map(([cheap, times, tail]) => cheap.repeat(times) + tail.repeat(3)),
    weight: 1,
  },
);
const unknown = fc.dictionary(
  fc.oneof(fc.constantFrom("cache_control", "__proto__"), text),
  fc.oneof(text, fc.array(text, { maxLength: 2 }), fc.integer()),
  { maxKeys: 2 },
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 });

/** JSON in which each character may be escaped, as a producer on Kafka may write it. */
const jsonOf = (value: fc.Arbitrary<unknown>) =>
  fc.tuple(value, fc.boolean()).map(([each, escapes]) => {
    const json = JSON.stringify(each);
    return escapes
      ? json.replaceAll(
          /[\u0080-\uffff]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
        )
      : json;
  });

const part = fc
  .tuple(
    unknown,
    fc.oneof(
      fc.record({ type: fc.constant("text"), text }),
      fc.record({ type: fc.constant("text"), text, refusal: unknown }),
      fc.record({
        type: fc.constant("refusal"),
        refusal: text,
        text: fc.array(text, { maxLength: 2 }),
      }),
      fc.record({
        type: fc.constant("image_url"),
        image_url: fc.record({ url: fc.constant("https://example.com/a.png"), detail: text }),
        text: orNull(text),
      }),
    ),
  )
  .map(([others, known]) => ({ ...others, ...known }));
const toolCall = fc.record({
  ...{ id: text, type: fc.constant("function") },
  function: fc.record({
    name: text,
    arguments: fc.oneof(
      text,
      unknown.map((each) => JSON.stringify(each)),
    ),
  }),
});
const message: fc.Arbitrary<Message> = fc
  .record({
    role: fc.constantFrom("system", "user", "assistant", "tool"),
    content: text,
    parts: orNull(jsonOf(fc.array(part, { minLength: 1, maxLength: 2 }))),
    toolCalls: orNull(jsonOf(fc.array(toolCall, { minLength: 1, maxLength: 2 }))),
    toolCallId: orNull(text),
    name: orNull(text),
    members: orNull(
      jsonOf(fc.record({ reasoning_content: text, reasoning_details: fc.array(unknown) })),
    ),
  })
  .map((drawn) => aMessage(drawn));
const shortTurns = fc
  .array(
    fc.record({
      content: fc.constantFrom("a", "漢", ""),
      name: orNull(fc.constant("n".repeat(64))),
    }),
    {
      minLength: 20,
      maxLength: 30,
    },
  )
  .map((turns) => turns.map((turn) => aMessage(turn)));
const tool = fc.record({
  type: fc.constant("function"),
  function: fc.record({ name: text, description: text, parameters: unknown }),
});
const parameters = jsonOf(
  fc.record(
    {
      ...{
        user: text,
        stop: fc.array(text, { maxLength: 4 }),
        metadata: fc.dictionary(text, text, { maxKeys: 2 }),
      },
      tools: fc.array(tool, { minLength: 1, maxLength: 2 }),
      response_format: fc.record({ type: fc.constant("json_schema"), json_schema: unknown }),
      ...{
        chat_template_kwargs: unknown,
        documents: fc.array(fc.record({ title: text, text }), { maxLength: 2 }),
        bad_words: fc.array(text, { maxLength: 2 }),
        top_k: fc.integer(),
        purpose: text,
      },
    },
    { requiredKeys: [] },
  ),
);
const requests: fc.Arbitrary<InferenceRequested> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        messages: fc.oneof(
          { arbitrary: fc.array(message, { minLength: 1, maxLength: 2 }), weight: 9 },
          { arbitrary: shortTurns, weight: 1 },
        ),
        parameters: fc.oneof(fc.constant("{}"), parameters),
      })
      .map((drawn) => aRequest(drawn)),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        inputs: fc.array(text, { minLength: 1, maxLength: 4 }),
        parameters: fc.oneof(fc.constant("{}"), jsonOf(fc.record({ input_type: text }))),
      })
      .map((drawn) => aRequest({ ...drawn, operation: "embeddings", messages: [] })),
  },
);

/** A long instruction, as models of embeddings expect it in front of a query. */
const purpose =
  "Instruct: Given a web search query, retrieve relevant passages that answer the query.\nQuery: ";

/** Returns the most that a tokeniser finds in everything that is sent, with what OpenAI's chat format adds. */
async function tokensSentBy(request: InferenceRequested): Promise<bigint> {
  const totals = oracles.map(async (oracle) => {
    const tokensOf = async (sent: string) => (await oracle.count([sent])).counted;
    // A template's own system message, with the 3 tokens before the answer.
    let total = request.messages.length > 0 ? 73n : 0n;
    for (const each of request.messages) total += await tokensOfMessage(each, tokensOf);
    const { tools, ...others } = membersOf(JSON.parse(request.parameters));
    for (const input of request.inputs)
      total += await tokensOf("input_type" in others ? purpose + input : input);
    for (const value of Object.values(others)) total += await tokensOfValue(value, tokensOf);
    const list = Array.isArray(tools) ? tools : [];
    if (list.length === 0) return total;
    // OpenAI adds about 12 tokens for a list of functions, and 10 for each of them.
    return total + 12n + 10n * BigInt(list.length) + (await tokensOfValue(list, tokensOf));
  });
  return (await Promise.all(totals)).reduce((a, b) => (a > b ? a : b));
}

type TokensOf = (text: string) => Promise<bigint>;

async function tokensOfMessage(
  { role, content, parts, toolCalls, toolCallId, name, members }: Message,
  tokensOf: TokensOf,
): Promise<bigint> {
  let total = 3n + (await tokensOf(role));
  if (name !== null) total += 1n + (await tokensOf(name));
  if (toolCallId !== null) total += await tokensOf(toolCallId);
  for (const value of Object.values(membersOf(JSON.parse(members ?? "null"))))
    total += await tokensOfValue(value, tokensOf);
  if (toolCalls !== null) total += await tokensOfValue(JSON.parse(toolCalls), tokensOf);
  if (parts === null) return total + (await tokensOf(content));
  const read: unknown = JSON.parse(parts);
  for (const each of Array.isArray(read) ? read : []) {
    const { type: _type, image_url: image, ...rest } = membersOf(each);
    const { url: _url, ...ofImage } = membersOf(image);
    for (const value of Object.values({ ...rest, ...ofImage }))
      total += await tokensOfValue(value, tokensOf);
  }
  return total;
}

/** Providers write structured values as JSON or in forms of their own, which have each string as it is. */
async function tokensOfValue(value: unknown, tokensOf: TokensOf): Promise<bigint> {
  if (typeof value === "string") return tokensOf(value);
  let strings = 0n;
  for (const each of stringsIn(value)) strings += await tokensOf(each);
  const json = await tokensOf(JSON.stringify(value) ?? "");
  return json > strings ? json : strings;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [
    ...(Array.isArray(value) ? [] : [name]),
    ...stringsIn(each),
  ]);
}
