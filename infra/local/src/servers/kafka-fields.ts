/** The fields of an answer in the form of Kafka's newer versions, in their order. Each read throws `RangeError` at the end. */
export interface Fields {
  skip(bytes: number): void;
  int8(): number;
  int16(): number;
  /** Returns a text; null is read as the empty one. */
  text(): string;
  array<Item>(item: () => Item): readonly Item[];
  skipTags(): void;
}

/** 4 bytes of length, and 4 of correlation id. */
const HEAD_BYTES = 8;

/** Reads an answer. Returns undefined if it is cut or malformed: it may come from a process that is not Kafka. */
export function fieldsIn<Result>(
  answer: Buffer,
  read: (fields: Fields) => Result,
): Result | undefined {
  try {
    const fields = new AnswerFields(answer, HEAD_BYTES);
    fields.skipTags();
    return read(fields);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

class AnswerFields implements Fields {
  private at: number;
  private readonly answer: Buffer;

  constructor(answer: Buffer, at: number) {
    this.answer = answer;
    this.at = at;
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.answer.length) throw new RangeError("The answer is cut.");
  }

  int8(): number {
    this.skip(1);
    return this.answer.readInt8(this.at - 1);
  }

  int16(): number {
    this.skip(2);
    return this.answer.readInt16BE(this.at - 2);
  }

  text(): string {
    const start = this.lengthThen();
    return this.answer.subarray(start, this.at).toString();
  }

  array<Item>(item: () => Item): readonly Item[] {
    const count = this.varint() - 1;
    const items: Item[] = [];
    // Each item has at least one byte, so the loop ends with the answer.
    for (let index = 0; index < count; index += 1) items.push(item());
    return items;
  }

  skipTags(): void {
    if (this.varint() !== 0) throw new RangeError("The answer has fields that are unknown.");
  }

  /** Skips a text, and returns where it begins. */
  private lengthThen(): number {
    const bytes = Math.max(0, this.varint() - 1);
    const start = this.at;
    this.skip(bytes);
    return start;
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.int8();
      value |= (byte & 0x7f) << shift;
      if (byte >= 0) return value;
    }
    throw new RangeError("A length has more than 28 bits.");
  }
}
