import avro from "avsc";
import { assertAvscVersion } from "./avsc-version.ts";
import { CheckedStringType } from "./checked-strings.ts";
import { countedTypeOf } from "./counted-types.ts";

/** Compiles a schema. Longs become bigints, so that money never loses precision. Timestamps are epoch milliseconds. */
export function compile(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, { typeHook: ownTypes() });
}

/**
 * Returns the hook by which avsc uses our types. There is no other way to them, so the version is always checked.
 *
 * @throws Defect `CONTRACT_AVSC_UNSUPPORTED` if another version of avsc is installed
 */
export function ownTypes(): typeof typeHook {
  assertAvscVersion();
  return typeHook;
}

/** Returns our type for a schema, or undefined if avsc's own type is used. */
function typeHook(schema: avro.Schema, options: object): avro.Type | undefined {
  if (isTimestamp(schema)) return epochMillis;
  if (schema === "long" || isLong(schema)) return bigintLong;
  if (schema === "string") return text;
  return countedTypeOf(schema, options);
}

/** The object form of a long, which some writers' libraries use. */
const isLong = (schema: avro.Schema): boolean =>
  typeof schema === "object" && "type" in schema && schema.type === "long";

const isTimestamp = (schema: avro.Schema): boolean =>
  typeof schema === "object" &&
  "logicalType" in schema &&
  schema.logicalType === "timestamp-millis";

const text = new CheckedStringType();

const epochMillis = avro.Type.forSchema("long");

// oxlint-disable-next-line eslint/no-underscore-dangle -- avsc names it so
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (left: bigint, right: bigint) => (left < right ? -1 : Number(left > right)),
});
