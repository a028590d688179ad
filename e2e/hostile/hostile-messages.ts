import * as fc from "fast-check";

/** A message to the request topic. */
export interface HostileMessage {
  readonly value: Buffer;
  readonly isSigned: boolean;
}

/** Avro's zig-zag varint. */
function longOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

const count = fc
  .constantFrom(1n, 2n, 1_000n, 49_999n, 50_001n, 10_000_000n, 2n ** 31n, 2n ** 50n, 2n ** 63n - 1n)
  .chain((size) => fc.constantFrom(size, -size));

/** A block that announces items, and sometimes its length and some bytes. */
const block = fc
  .tuple(count, fc.option(count, { nil: undefined }), fc.uint8Array({ maxLength: 40 }))
  .map(([items, length, bytes]) =>
    Buffer.concat([longOf(items), length === undefined ? Buffer.alloc(0) : longOf(length), bytes]),
  );

/** The bytes of the additional field: the union's branch, then anything. */
const field = fc.oneof(
  fc
    .tuple(fc.constantFrom(0n, 1n, 1n, 1n, 2n, -1n), fc.array(block, { maxLength: 4 }))
    .map(([branch, blocks]) => Buffer.concat([longOf(branch), ...blocks, longOf(0n)])),
  fc.integer({ min: 1, max: 20_000 }).map((size) => Buffer.alloc(size, 2)),
  fc.integer({ min: 1, max: 20_000 }).map((size) => Buffer.alloc(size, 0)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

/**
 * Returns messages that depend only on the seed and the ids.
 *
 * @param ids the hostile schemas
 * @param body a record of the topic's own schema, without the envelope
 */
export function hostileMessagesOf(
  seed: number,
  messages: number,
  ids: readonly number[],
  body: Buffer,
): readonly HostileMessage[] {
  const message = fc
    .tuple(fc.constantFrom(...ids), field, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())
    .map(([id, bytes, keep, isSigned]) => {
      const envelope = Buffer.alloc(5);
      envelope.writeUInt32BE(id, 1);
      const rest = keep < 0.2 ? body.subarray(0, Math.floor(body.length * keep * 5)) : body;
      return { value: Buffer.concat([envelope, bytes, rest]), isSigned };
    });
  return fc.sample(message, { seed, numRuns: messages });
}
