/** Reads Kafka's records from front to back, and never beyond their end. */
export class Bytes {
  private position = 0;

  constructor(private readonly bytes: Buffer) {}

  /** Reads one byte. @throws RangeError at the end, as all methods here do */
  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) throw new RangeError("The bytes end in the middle of a record.");
    this.position += 1;
    return byte;
  }

  /** Reads a zig-zag number of 7 bits per byte. Exact to 2^53, which no offset, length or time reaches. */
  varint(): number {
    let value = 0;
    let weight = 1;
    for (let byte = this.byte(); ; byte = this.byte()) {
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      weight *= 128;
      if (weight > 2 ** 63)
        throw new RangeError("A number in a record is longer than the format allows.");
    }
  }

  /** Returns the next bytes without copying them. */
  take(length: number): Buffer {
    const end = this.position + length;
    if (length < 0 || end > this.bytes.length)
      throw new RangeError("The bytes end in the middle of a record.");
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  /** Returns null for a length of -1, which means null in the format. */
  takeOrNull(length: number): Buffer | null {
    return length === -1 ? null : this.take(length);
  }
}
