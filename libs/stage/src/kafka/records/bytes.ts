/** Reads Kafka's records from front to back, and nothing behind their end. */
export class Bytes {
  private position = 0;

  constructor(private readonly bytes: Buffer) {}

  /** @throws RangeError at the end, as all of these */
  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) throw new RangeError("The bytes end within a record.");
    this.position += 1;
    return byte;
  }

  /** Zig-zag, 7 bits a byte; exact to 2^53, which no offset, length or time gets to. */
  varint(): number {
    let value = 0;
    let weight = 1;
    for (let byte = this.byte(); ; byte = this.byte()) {
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      weight *= 128;
      if (weight > 2 ** 63) throw new RangeError("A number has more bytes than a number may have.");
    }
  }

  /** The same memory, no copy. */
  take(length: number): Buffer {
    const end = this.position + length;
    if (length < 0 || end > this.bytes.length)
      throw new RangeError("The bytes end within a record.");
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  /** Null is written as a length of -1. */
  takeOrNull(length: number): Buffer | null {
    return length === -1 ? null : this.take(length);
  }
}
