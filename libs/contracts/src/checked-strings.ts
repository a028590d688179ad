import { isUtf8 } from "node:buffer";
import avro from "avsc";

/** How avsc reads: its own, and not in its types. */
export interface StringTap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  /** undefined where the bytes end before it. */
  readString(): string | undefined;
}

/** What a decoder puts in the place of bytes that are no text. */
const replacement = "\uFFFD";

/**
 * Bytes that are no UTF-8 would be replaced in silence: the record would say something else than
 * what was signed. Only a text that has the replacement is looked at twice.
 *
 * @throws RangeError for such bytes
 */
export function checkedString(tap: StringTap): string | undefined {
  const start = tap.pos;
  const text = tap.readString();
  if (!text?.includes(replacement)) return text;
  const end = tap.pos;
  tap.pos = start;
  tap.readLong();
  const bytes = tap.buf.subarray(tap.pos, end);
  tap.pos = end;
  if (!isUtf8(bytes)) throw new RangeError("A string is not UTF-8.");
  return text;
}

export class CheckedStringType extends avro.types.StringType {
  _read(tap: StringTap): string | undefined {
    return checkedString(tap);
  }

  /**
   * Half a character, which JSON can say and UTF-8 cannot, becomes the replacement here: avsc
   * would write bytes that no reader takes, and a request that was accepted could not be read again.
   */
  _write(tap: StringTap, value: unknown): void {
    writeString.call(this, tap, typeof value === "string" ? value.toWellFormed() : value);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- avsc's own, and not in its types
const writeString = Reflect.get(avro.types.StringType.prototype, "_write") as (
  this: avro.Type,
  tap: StringTap,
  value: unknown,
) => void;
