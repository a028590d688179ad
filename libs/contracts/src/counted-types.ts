import avro from "avsc";
import { checkedString, type StringTap } from "./checked-strings.ts";

/**
 * The most items of arrays and maps in a message, without numbers, which take little memory. An item may
 * have one byte, and takes a hundred in memory. A body over HTTP has room for about 28,000 messages.
 */
export const itemsMax = 50_000;

let itemsLeft = Number.POSITIVE_INFINITY;

/** Decodes a message, which may have {@link itemsMax} items. @throws RangeError for more */
export function withItemsLimited<Decoded>(decode: () => Decoded): Decoded {
  itemsLeft = itemsMax;
  try {
    return decode();
  } finally {
    itemsLeft = Number.POSITIVE_INFINITY;
  }
}

/** The part of avsc's internal reader that we use. avsc's types do not declare it. */
interface Tap extends StringTap {
  skipLong(): void;
  isValid(): boolean;
}

interface Reading {
  _read(tap: Tap): unknown;
}

/**
 * Arrays and maps state how many items follow, and avsc trusts that number. A message of 14 bytes
 * that states 2^40 items would fill the memory of each service that reads it, again after each
 * restart. These types read no more items than there are bytes left.
 */
class CountedArrayType extends avro.types.ArrayType {
  _read(this: { readonly itemsType: Reading }, tap: Tap): unknown[] {
    const items: unknown[] = [];
    forEachItem(tap, this.itemsType, () => items.push(itemIn(tap, this.itemsType)));
    return items;
  }

  _skip(this: { readonly itemsType: Reading }, tap: Tap): void {
    forEachItem(tap, this.itemsType, () => itemIn(tap, this.itemsType));
  }
}

class CountedMapType extends avro.types.MapType {
  _read(this: { readonly valuesType: Reading }, tap: Tap): Record<string, unknown> {
    const values: [string | undefined, unknown][] = [];
    forEachItem(tap, this, () => values.push([checkedString(tap), itemIn(tap, this.valuesType)]));
    return Object.fromEntries(values);
  }

  /** Writes names as {@link CheckedStringType} writes texts. */
  _write(tap: Tap, values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values).map(([name, value]) => [name.toWellFormed(), value]);
    writeMap.call(this, tap, Object.fromEntries(entries));
  }

  _skip(this: { readonly valuesType: Reading }, tap: Tap): void {
    forEachItem(tap, this, () => [tap.readString(), itemIn(tap, this.valuesType)]);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- avsc does not declare it in its types
const writeMap = Reflect.get(avro.types.MapType.prototype, "_write") as (
  this: avro.Type,
  tap: Tap,
  values: unknown,
) => void;

function itemIn(tap: Tap, type: Reading): unknown {
  // oxlint-disable-next-line eslint/no-underscore-dangle -- avsc names it so
  return type._read(tap);
}

function forEachItem(tap: Tap, type: unknown, read: () => void): void {
  const isCounted = !numeric.some((each) => type instanceof each);
  for (let count = sizeOfBlock(tap); count > 0; count = sizeOfBlock(tap)) {
    if (count > tap.buf.length - tap.pos)
      throw new RangeError("An array or map states more items than the message has bytes.");
    if (isCounted && (itemsLeft -= count) < 0)
      throw new RangeError(`The arrays and maps have more than ${itemsMax} items.`);
    for (let left = count; left > 0; left -= 1) {
      read();
      assertBytesLeft(tap);
    }
  }
}

const { BooleanType, DoubleType, FloatType, IntType } = avro.types;
const numeric = [IntType, FloatType, DoubleType, BooleanType];

function assertBytesLeft(tap: Tap): void {
  if (!tap.isValid()) throw new RangeError("The message ends within an array, a map or a union.");
}

/** Returns the number of items in the next block. After a negative number comes the block's length in bytes, which is skipped. */
function sizeOfBlock(tap: Tap): number {
  const count = tap.readLong();
  if (count < 0) tap.skipLong();
  return Math.abs(count);
}

/**
 * Unions that end with the bytes. avsc reads zeros after the last byte, and so the first branch of each
 * further union, whose records may contain the next unions twice.
 */
class EndingUnionType extends avro.types.UnwrappedUnionType {
  _read(tap: Tap): unknown {
    assertBytesLeft(tap);
    return unwrapped.read.call(this, tap);
  }

  _skip(tap: Tap): void {
    assertBytesLeft(tap);
    unwrapped.skip.call(this, tap);
  }
}

class EndingWrappedUnionType extends avro.types.WrappedUnionType {
  _read(tap: Tap): unknown {
    assertBytesLeft(tap);
    return wrapped.read.call(this, tap);
  }

  _skip(tap: Tap): void {
    assertBytesLeft(tap);
    wrapped.skip.call(this, tap);
  }
}

const unwrapped = readingOf(avro.types.UnwrappedUnionType);
const wrapped = readingOf(avro.types.WrappedUnionType);

/** Returns avsc's own methods, which its types do not declare. */
function readingOf(type: { readonly prototype: avro.Type }) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- so they are in the version that is checked
  return {
    read: Reflect.get(type.prototype, "_read"),
    skip: Reflect.get(type.prototype, "_skip"),
  } as Readonly<Record<"read" | "skip", (this: avro.Type, tap: Tap) => unknown>>;
}

function unionOf(branches: readonly avro.Schema[], options: object): avro.Type {
  // The types of the branches are made once, because a name cannot be defined twice.
  const made = branches.map((branch) => avro.Type.forSchema(branch, options));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- avsc takes a type wherever it takes a schema
  const types = made as unknown as avro.Schema;
  try {
    return new EndingUnionType(types, options);
  } catch {
    // Two branches have the same type in JavaScript, or the union is wrong, which the other type reports too.
    return new EndingWrappedUnionType(types, options);
  }
}

/** Returns our type for an array, a map or a union, and undefined for any other schema. */
export function countedTypeOf(schema: avro.Schema, options: object): avro.Type | undefined {
  if (Array.isArray(schema)) return unionOf(schema, options);
  if (typeof schema !== "object" || !("type" in schema)) return undefined;
  if (schema.type === "array") return new CountedArrayType(schema, options);
  if (schema.type === "map") return new CountedMapType(schema, options);
  return undefined;
}
