import avro from "avsc";
import { checkedString, type StringTap } from "./checked-strings.ts";

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
 * restart. These types stop reading at the end of the bytes.
 */
class CountedArrayType extends avro.types.ArrayType {
  _read(this: { readonly itemsType: Reading }, tap: Tap): unknown[] {
    const items: unknown[] = [];
    forEachItem(tap, () => items.push(itemIn(tap, this.itemsType)));
    return items;
  }

  _skip(this: { readonly itemsType: Reading }, tap: Tap): void {
    forEachItem(tap, () => itemIn(tap, this.itemsType));
  }
}

class CountedMapType extends avro.types.MapType {
  _read(this: { readonly valuesType: Reading }, tap: Tap): Record<string, unknown> {
    const values: [string | undefined, unknown][] = [];
    forEachItem(tap, () => values.push([checkedString(tap), itemIn(tap, this.valuesType)]));
    return Object.fromEntries(values);
  }

  /** Writes names as {@link CheckedStringType} writes texts. */
  _write(tap: Tap, values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values).map(([name, value]) => [name.toWellFormed(), value]);
    writeMap.call(this, tap, Object.fromEntries(entries));
  }

  _skip(this: { readonly valuesType: Reading }, tap: Tap): void {
    forEachItem(tap, () => [tap.readString(), itemIn(tap, this.valuesType)]);
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

function forEachItem(tap: Tap, read: () => void): void {
  for (let count = sizeOfBlock(tap); count > 0; count = sizeOfBlock(tap))
    for (let left = count; left > 0; left -= 1) {
      read();
      if (!tap.isValid())
        throw new RangeError("An array or map states more items than the message has bytes.");
    }
}

/** Returns the number of items in the next block. After a negative number comes the block's length in bytes, which is skipped. */
function sizeOfBlock(tap: Tap): number {
  const count = tap.readLong();
  if (count < 0) tap.skipLong();
  return Math.abs(count);
}

/** Returns our type for an array or a map, and undefined for any other schema. */
export function countedTypeOf(schema: avro.Schema, options: unknown): avro.Type | undefined {
  if (typeof schema !== "object" || !("type" in schema)) return undefined;
  if (schema.type === "array") return new CountedArrayType(schema, options);
  if (schema.type === "map") return new CountedMapType(schema, options);
  return undefined;
}
