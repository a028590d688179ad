import { isUtf8 } from "node:buffer";
import avro from "avsc";

/** The part of avsc's internal reader that we use. avsc's types do not declare it. */
export interface StringTap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  /** Returns undefined if the bytes end before the string does. */
  readString(): string | undefined;
}

/** The character that a UTF-8 decoder puts in the place of invalid bytes. */
const replacement = "\uFFFD";

/**
 * Reads a string. avsc would silently replace bytes that are not UTF-8, and the record would differ
 * from the bytes that the client signed. Only a text that contains the replacement is checked again.
 *
 * @throws RangeError for bytes that are not UTF-8
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
  if (!isUtf8(bytes)) throw new RangeError("A string is not valid UTF-8.");
  return text;
}

export class CheckedStringType extends avro.types.StringType {
  _read(tap: StringTap): string | undefined {
    return checkedString(tap);
  }

  /**
   * Writes half a character (a lone surrogate, which JSON allows and UTF-8 does not) as the
   * replacement. avsc would write bytes that readers refuse, so an admitted request could not be
   * read again.
   */
  _write(tap: StringTap, value: unknown): void {
    writeString.call(this, tap, typeof value === "string" ? value.toWellFormed() : value);
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- avsc does not declare it in its types
const writeString = Reflect.get(avro.types.StringType.prototype, "_write") as (
  this: avro.Type,
  tap: StringTap,
  value: unknown,
) => void;
