import { inspect } from "node:util";
import type avro from "avsc";
import { describe, expect, test } from "vitest";
import { compile } from "./avro.ts";
import { defaultMessage, defaultRequest } from "./generated/defaults.ts";
import { schemas } from "./generated/schemas.ts";
import { RecordCodec, typeOf } from "./record-codec.ts";

const schemaId = 7;
const codec = new RecordCodec("InferenceRequested");
codec.learn(schemaId, typeOf("InferenceRequested"));

const envelope = Buffer.from([0, 0, 0, 0, schemaId]);

const message = { ...defaultMessage, role: "user", content: "Hi" };

function requestOf(changed: object): object {
  return { ...defaultRequest, requestId: "r-1", messages: [message], ...changed };
}

/** Avro's zig-zag varint. */
function longOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

const textOf = (text: string) => Buffer.concat([longOf(BigInt(text.length)), Buffer.from(text)]);

const beginning = [envelope, textOf("r-1"), textOf("auto")];

test("a record with many messages and tags is decoded as it was encoded", () => {
  const given = {
    messages: Array.from({ length: 300 }, (_, index) => ({ ...message, content: `${index}` })),
    tags: { a: "1", b: "2" },
  };
  const encoded = codec.encode(schemaId, requestOf(given));
  expect(codec.decode(schemaId, encoded)).toMatchObject(given);
});

test.each([2n ** 22n, 2n ** 31n, 2n ** 40n, -(2n ** 40n)])(
  "a message of few bytes that states %d items is refused before memory is allocated for them",
  (count) => {
    const before = process.memoryUsage().heapTotal;
    const bomb = Buffer.concat([...beginning, longOf(count), Buffer.alloc(20)]);
    expect(() => codec.decode(schemaId, bomb)).toThrow(
      expect.objectContaining({ code: "CONTRACT_UNDECODABLE" }),
    );
    expect(process.memoryUsage().heapTotal - before).toBeLessThan(64 * 1024 * 1024);
  },
);

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

test("the error about a record of another type names the place and the type, and quotes no value", () => {
  const secret = "a prompt";
  const encode = () =>
    codec.encode(schemaId, requestOf({ messages: [{ ...message, content: [secret] }] }));
  expect(thrownBy(encode)).toMatchObject({
    code: "CONTRACT_UNENCODABLE",
    message:
      "The record does not have the type of its schema: messages.0.content must have the type string.",
  });
  expect(inspect(thrownBy(encode), { depth: 9 })).not.toContain(secret);
  expect(() => codec.encode(schemaId, null)).toThrow(
    expect.objectContaining({ code: "CONTRACT_UNENCODABLE" }),
  );
});

test("a map that states more items than it has is refused", () => {
  const whole = codec.encode(schemaId, requestOf({ tags: {} }));
  // The last byte marks the end of the tags.
  const bomb = Buffer.concat([whole.subarray(0, -1), longOf(2n ** 40n)]);
  expect(() => codec.decode(schemaId, bomb)).toThrow(
    expect.objectContaining({ code: "CONTRACT_UNDECODABLE" }),
  );
});

test.each(["\ud800", "a\udfffb", `${"long ".repeat(40)}\ud83d`])(
  "half a character, which JSON allows, is written as the replacement character: %j",
  (half) => {
    const given = {
      messages: [{ ...message, content: half }],
      sessionId: half,
      tags: { [half]: half },
    };
    const whole = half.toWellFormed();
    expect(codec.decode(schemaId, codec.encode(schemaId, requestOf(given)))).toMatchObject({
      messages: [{ ...message, content: whole }],
      sessionId: whole,
      tags: { [whole]: whole },
    });
  },
);

describe("a writer's schema", () => {
  const own = JSON.parse(schemas.InferenceRequested);
  const encoded = codec.encode(schemaId, requestOf({ tags: { a: "1" } }));
  const readAs = (writer: avro.Schema) => {
    const reader = new RecordCodec("InferenceRequested");
    reader.learn(schemaId, compile(writer));
    return () => reader.decode(schemaId, encoded);
  };

  test.each([
    { namespace: "com.acme.llm" },
    { namespace: "" },
    { name: "org.other.InferenceRequested" },
  ])("may have another namespace: %j", (changed) => {
    expect(readAs({ ...own, ...changed })()).toMatchObject({ requestId: "r-1", tags: { a: "1" } });
  });

  test.each([
    ["of another record", JSON.parse(schemas.CostMetered)],
    ["whose unqualified name is another", { ...own, name: "sluice.Requested" }],
    ["without a field that has no default", { ...own, fields: [] }],
  ])("%s is refused, each time", (_, writer: avro.Schema) => {
    const read = readAs(writer);
    for (let time = 0; time < 2; time += 1)
      expect(read).toThrow(expect.objectContaining({ code: "CONTRACT_UNDECODABLE" }));
  });
});

test("a prefix of a message is refused, and so is a message with one more byte", () => {
  const whole = codec.encode(schemaId, requestOf({ tags: { a: "1" } }));
  for (let length = envelope.length; length < whole.length; length += 1)
    expect(() => codec.decode(schemaId, whole.subarray(0, length))).toThrow(/Avro body/);
  expect(() => codec.decode(schemaId, Buffer.concat([whole, Buffer.alloc(1)]))).toThrow(
    /Avro body/,
  );
});

const replacement = "\uFFFD";

test.each([
  ["a message", () => requestOf({ messages: [{ ...message, content: `a${replacement}b` }] })],
  ["a nullable field", () => requestOf({ sessionId: `a${replacement}b` })],
  ["the name of a tag", () => requestOf({ tags: { [`a${replacement}b`]: "1" } })],
  ["the value of a tag", () => requestOf({ tags: { a: `a${replacement}b` } })],
])(
  "%s that is not UTF-8 is refused, because its text would differ from the signed bytes",
  (_, request) => {
    const honest = codec.encode(schemaId, request());
    expect(codec.decode(schemaId, honest)).toMatchObject(request());
    const place = honest.indexOf(replacement);
    for (const wrong of [
      [0xff, 0xfe, 0xfd],
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf, 0x41],
    ]) {
      const changed = Buffer.from(honest);
      changed.set(wrong, place);
      expect(() => codec.decode(schemaId, changed)).toThrow(
        expect.objectContaining({ code: "CONTRACT_UNDECODABLE" }),
      );
    }
  },
);
