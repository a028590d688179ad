import avro from "avsc";
import { checkedString, type StringTap } from "./checked-strings.ts";

/** How avsc reads: its own, and not in its types. */
interface Tap extends StringTap {
  skipLong(): void;
  isValid(): boolean;
}

interface Reading {
  _read(tap: Tap): unknown;
}

/**
 * Arrays and maps say how many items follow, and avsc believes them: 14 bytes that promise
 * 2^40 items fill the memory of whoever reads them, again after each restart. Here reading
 * ends where the bytes end.
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

  /** Names as {@link CheckedStringType} writes texts. */
  _write(tap: Tap, values: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(values).map(([name, value]) => [name.toWellFormed(), value]);
    writeMap.call(this, tap, Object.fromEntries(entries));
  }

  _skip(this: { readonly valuesType: Reading }, tap: Tap): void {
    forEachItem(tap, () => [tap.readString(), itemIn(tap, this.valuesType)]);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- avsc's own, and not in its types
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
      if (!tap.isValid()) throw new RangeError("It promises more items than it has bytes.");
    }
}

/** A negative number of items is followed by their length in bytes, which is for those that skip them. */
function sizeOfBlock(tap: Tap): number {
  const count = tap.readLong();
  if (count < 0) tap.skipLong();
  return Math.abs(count);
}

/** @returns our type for an array or a map; undefined for everything else. */
export function countedTypeOf(schema: avro.Schema, options: unknown): avro.Type | undefined {
  if (typeof schema !== "object" || !("type" in schema)) return undefined;
  if (schema.type === "array") return new CountedArrayType(schema, options);
  if (schema.type === "map") return new CountedMapType(schema, options);
  return undefined;
}
