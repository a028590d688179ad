import type avro from "avsc";
import { expect, test } from "vitest";
import { compile } from "./avro.ts";
import { itemsMax } from "./counted-types.ts";
import { defaultRequest } from "./generated/defaults.ts";
import { schemas } from "./generated/schemas.ts";
import { RecordCodec } from "./record-codec.ts";

/* Each of these schemas adds a field to ours, so that a registry calls it compatible. */

const schemaId = 9;
const undecodable = expect.objectContaining({ code: "CONTRACT_UNDECODABLE" });
const own = JSON.parse(schemas.InferenceRequested);
const envelope = Buffer.from([0, 0, 0, 0, schemaId]);

/** Avro's zig-zag varint. */
function longOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

/** Returns our schema with one more field in front. */
const withFirst = (type: unknown) => ({ ...own, fields: [{ name: "first", type }, ...own.fields] });

/** Decodes a message that begins with these bytes and continues as a record of ours. */
function decode(writer: avro.Schema, first: Buffer): unknown {
  const codec = new RecordCodec("InferenceRequested");
  codec.learn(schemaId, compile(own));
  const record = codec.encode(schemaId, { ...defaultRequest, requestId: "r-1", messages: [] });
  const reader = new RecordCodec("InferenceRequested");
  reader.learn(schemaId, compile(writer));
  return reader.decode(schemaId, Buffer.concat([envelope, first, record.subarray(5)]));
}

/** Records of which each contains the next one twice, in the form that `inner` gives to a part. */
function doubled(depth: number, inner: (type: unknown) => unknown): unknown {
  let type: unknown = "long";
  for (let level = 0; level < depth; level += 1)
    type = {
      type: "record",
      name: `Level${level}`,
      fields: [
        { name: "a", type: inner(type) },
        { name: "b", type: inner(level === 0 ? type : `Level${level - 1}`) },
      ],
    };
  return type;
}

const nothing = { type: "record", name: "Nothing", fields: [] };
const nulls = Array.from({ length: 5_000 }, (_, at) => ({ name: `f${at}`, type: "null" }));
const zeroBytes = { type: "fixed", name: "Zero", size: 0 };

test.each([
  ["nulls", "null"],
  ["records without fields", nothing],
  ["fixed values of no bytes", zeroBytes],
  ["arrays of records of nulls", { type: "record", name: "Nulls", fields: nulls }],
])("an array or a map of %s is refused, whatever number it states", (_, items) => {
  const many = Buffer.concat([longOf(2n ** 50n), longOf(0n)]);
  expect(() => decode(withFirst({ type: "array", items }), many)).toThrow(undecodable);
  const negative = Buffer.concat([longOf(-(2n ** 50n)), longOf(1n), longOf(0n)]);
  expect(() => decode(withFirst({ type: "array", items }), negative)).toThrow(undecodable);
  const map = withFirst({ type: "map", values: items });
  expect(() => decode(map, many)).toThrow(undecodable);
  const deep = withFirst(["null", { type: "array", items: { type: "array", items } }]);
  expect(() => decode(deep, Buffer.from([0]))).toThrow(undecodable);
});

test("a record that contains a type without bytes is refused", () => {
  expect(() => decode(withFirst("null"), Buffer.alloc(0))).toThrow(undecodable);
});

test("records that each contain the next one twice are refused, in a union at the end of the bytes", () => {
  const few = Buffer.alloc(20);
  expect(() => decode(withFirst(doubled(40, (type) => type)), few)).toThrow(undecodable);
  const inUnions = { ...own, fields: [...own.fields] };
  inUnions.fields.push({ name: "last", type: doubled(40, (type) => [type, "null"]) });
  expect(() => decode(inUnions, Buffer.alloc(0))).toThrow(undecodable);
});

test("a record that contains itself is refused, and one that may end is read", () => {
  const self = { type: "record", name: "Self", fields: [{ name: "self", type: "Self" }] };
  expect(() => decode(withFirst(self), Buffer.alloc(20))).toThrow(undecodable);
  const list = {
    ...{ type: "record", name: "List" },
    fields: [{ name: "next", type: ["null", "List"] }],
  };
  const twice = Buffer.concat([longOf(1n), longOf(1n), longOf(0n)]);
  expect(decode(withFirst(list), twice)).toMatchObject({ requestId: "r-1" });
  expect(() => decode(withFirst(list), Buffer.alloc(400_000, 2))).toThrow(undecodable);
});

test("a schema with other types of unions is read, and what is not ours is skipped", () => {
  const rest = [
    { type: "array", items: ["null", nothing, "string"] },
    ["string", "bytes"],
    ["int", "long"],
  ];
  const bytes = Buffer.concat([
    ...[longOf(2n), longOf(0n), longOf(1n), longOf(0n)],
    ...[longOf(1n), longOf(3n), Buffer.from("abc")],
    ...[longOf(1n), longOf(5n)],
  ]);
  const fields = rest.map((type, at) => ({ name: `more${at}`, type }));
  expect(decode({ ...own, fields: [...fields, ...own.fields] }, bytes)).toMatchObject({
    requestId: "r-1",
  });
});

test("a message of small items has a bound, and numbers do not count", () => {
  const blocks = (bytes: Buffer, count: number) =>
    Buffer.concat([longOf(BigInt(count)), bytes, longOf(0n)]);
  const strings = { type: "array", items: "string" };
  const half = itemsMax / 2;
  const twice = (more: number) =>
    Buffer.concat([
      blocks(Buffer.alloc(half), half),
      blocks(Buffer.alloc(half + more), half + more),
    ]);
  const two = { type: "record", name: "Two", fields: [] as object[] };
  two.fields.push({ name: "a", type: strings }, { name: "b", type: strings });
  expect(decode(withFirst(two), twice(0))).toMatchObject({ requestId: "r-1" });
  expect(() => decode(withFirst(two), twice(1))).toThrow(undecodable);
  const numbers = blocks(Buffer.alloc(2 * itemsMax), 2 * itemsMax);
  expect(decode(withFirst({ type: "array", items: "int" }), numbers)).toMatchObject({
    requestId: "r-1",
  });
});
