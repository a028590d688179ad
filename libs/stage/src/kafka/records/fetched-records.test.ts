import { createRequire } from "node:module";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { fetchedRecords, limitsOfBatch, limitsOfRest } from "./fetched-records.ts";
import { headersMax } from "./record-batch.ts";
import { unpackedBytesMax } from "./zstd.ts";

interface Message {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
}

/** The client's own writer and reader, which are the oracle of these tests. */
interface ClientParts {
  readonly batch: {
    readonly RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>;
  };
  readonly Record: (message: Message) => { readonly buffer: Buffer };
  readonly Decoder: new (bytes: Buffer) => object;
  readonly decode: (decoder: object) => Promise<{ readonly records: readonly object[] }>;
}

const load = createRequire(import.meta.url);
const inClient = (path: string): unknown => load(`kafkajs/src/protocol/${path}`);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- kafkajs does not type its internals
const client = {
  batch: inClient("recordBatch/v0"),
  Record: inClient("recordBatch/record/v0"),
  Decoder: inClient("decoder"),
  decode: inClient("recordBatch/v0/decoder"),
} as ClientParts;

const startedAt = 1_790_000_000_000;

async function batchOf(messages: readonly Message[], firstOffset = 7): Promise<Buffer> {
  const { buffer } = await client.batch.RecordBatch({
    ...{ firstOffset, firstTimestamp: startedAt, maxTimestamp: startedAt + 5, producerId: 9 },
    lastOffsetDelta: messages.length - 1,
    records: messages.map((message) => client.Record(message)),
  });
  return Buffer.from(buffer);
}

const messageOf = (changed: Partial<Message> = {}): Message => ({
  ...{ offsetDelta: 0, timestampDelta: 0, key: null, value: null, headers: {} },
  ...changed,
});

const read = (bytes: Buffer, sofar = { bytes: 0, records: 0, headers: 0 }) =>
  fetchedRecords(bytes, sofar);

/** Returns the batch with its records compressed in the given way. */
function packed(batch: Buffer, codec: number, records: Buffer): Buffer {
  const whole = Buffer.concat([batch.subarray(0, 61), records]);
  whole.writeInt32BE(whole.length - 12, 8);
  whole.writeInt16BE(codec, 21);
  return whole;
}

const recordsOf = (batch: Buffer) => batch.subarray(61);

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((given) => Buffer.from(given));
const anyMessages = fc
  .array(
    fc.record({
      timestampDelta: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      key: fc.option(bytes(20)),
      value: fc.option(bytes(300)),
      headers: fc.dictionary(
        fc.stringMatching(/^[a-z]{1,9}$/).filter((name) => !(name in {})),
        fc.oneof(bytes(9), fc.array(bytes(9), { minLength: 2, maxLength: 3 })),
      ),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((messages) => messages.map((message, offsetDelta) => ({ ...message, offsetDelta })));

test("records that the client writes are read as the client reads them, compressed or not", async () => {
  const property = fc.asyncProperty(anyMessages, async (messages) => {
    const batch = await batchOf(messages);
    const { records } = await client.decode(new client.Decoder(batch));
    const shown = records.map((record) => expect.objectContaining(shownOf(record)));
    expect(await read(batch)).toEqual(shown);
    expect(await read(packed(batch, 1, gzipSync(recordsOf(batch))))).toEqual(shown);
    expect(await read(packed(batch, 4, zstdCompressSync(recordsOf(batch))))).toEqual(shown);
  });
  await fc.assert(property, { numRuns: 200 });
});

/** Removes the members that the client's own code never reads. */
function shownOf(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== "batchContext"));
}

test("batches are read one after the other, up to one that is cut off", async () => {
  const first = await batchOf([messageOf(), messageOf({ offsetDelta: 1 })]);
  const second = await batchOf([messageOf()], 9);
  const offsets = async (given: Buffer) => (await read(given)).map(({ offset }) => offset);
  expect(await offsets(Buffer.concat([first, second]))).toEqual(["7", "8", "9"]);
  expect(await offsets(Buffer.concat([first, second]).subarray(0, -1))).toEqual(["7", "8"]);
  expect(await offsets(first.subarray(0, 11))).toEqual([]);
});

test.each([
  ["messages that compaction removed", async () => batchOf([messageOf()])],
  ["all its messages", async () => withCount(await batchOf([messageOf()]), 0)],
])("a batch without %s is read to its end, so that it is not fetched again", async (_, made) => {
  const batch = await made();
  batch.writeInt32BE(2, 23);
  const [last, ...before] = (await read(batch)).toReversed();
  expect(last).toMatchObject({ offset: "9", isControlRecord: true, value: null });
  expect(before.every(({ isControlRecord }) => !isControlRecord)).toBe(true);
});

test("all messages of a batch with an append time have that time, and control records are marked", async () => {
  const batch = await batchOf([messageOf({ timestampDelta: 3 })]);
  batch.writeInt16BE(0x08 | 0x10 | 0x20, 21);
  expect(await read(batch)).toMatchObject([
    {
      timestamp: String(startedAt + 5),
      isControlRecord: true,
      batchContext: { producerId: "9", inTransaction: true },
    },
  ]);
});

describe("a batch that cannot be read becomes one record with the offset of its last message, for", () => {
  const three = [0, 1, 2].map((offsetDelta) => messageOf({ offsetDelta }));
  const unreadable = "STAGE_BATCH_UNREADABLE";

  it.each<[string, (batch: Buffer) => Buffer, string]>([
    ["snappy", (batch) => packed(batch, 2, Buffer.alloc(9)), "compressed with snappy"],
    ["lz4", (batch) => packed(batch, 3, Buffer.alloc(9)), "compressed with lz4"],
    ["an unknown codec", (batch) => packed(batch, 7, Buffer.alloc(9)), "unknown codec 7"],
    ["invalid zstd", (batch) => packed(batch, 4, Buffer.alloc(99, 1)), ""],
    ["invalid gzip", (batch) => packed(batch, 1, Buffer.alloc(99, 1)), "incorrect header check"],
    [
      "fewer records than the batch states",
      (batch) => withCount(batch, 4),
      "end in the middle of a record",
    ],
  ])("%s", async (_, changed, reason) => {
    const [record, ...further] = await read(changed(await batchOf(three)));
    expect(further).toEqual([]);
    expect(record).toMatchObject({
      ...{ offset: "9", key: null, value: null, headers: {} },
      unreadable: { code: unreadable, reason: expect.stringContaining(reason), messages: 3 },
    });
  });

  it("an older message format", async () => {
    const batch = await batchOf(three);
    batch.writeInt8(1, 16);
    const [record] = await read(batch);
    expect(record).toMatchObject({ offset: "7", unreadable: { code: unreadable, messages: 1 } });
  });

  it("more messages than the limit, without reading them", async () => {
    const [record] = await read(withCount(await batchOf(three), limitsOfBatch.records + 1));
    expect(record).toMatchObject({ offset: "9", unreadable: { code: "STAGE_BATCH_TOO_LONG" } });
  });

  it("more headers than the limit in all, although each message has few", async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`h${index}`, Buffer.alloc(0)]),
    );
    const { buffer } = client.Record(messageOf({ headers }));
    const count = limitsOfBatch.headers / 500 + 1;
    const records = Buffer.concat(Array.from({ length: count }, () => buffer));
    const bomb = withCount(packed(await batchOf(three), 4, zstdCompressSync(records)), count);
    expect(bomb.length).toBeLessThan(64 * 1_024);
    expect(await read(bomb)).toMatchObject([
      {
        offset: "9",
        headers: {},
        unreadable: {
          code: "STAGE_BATCH_TOO_LONG",
          reason: expect.stringContaining("200000 headers"),
        },
      },
    ]);
  });

  it.each([
    [1, gzipSync],
    [4, zstdCompressSync],
  ])("more bytes than the limit, with codec %i", async (codec, pack) => {
    const bomb = packed(await batchOf(three), codec, pack(Buffer.alloc(unpackedBytesMax + 1)));
    expect(bomb.length).toBeLessThan(64 * 1_024);
    const [record] = await read(bomb);
    expect(record).toMatchObject({ offset: "9", unreadable: { code: "STAGE_BATCH_TOO_LONG" } });
  });
});

test("reading never throws, whichever byte of the records is cut or changed", async () => {
  const message = messageOf({ key: Buffer.from("k"), headers: { name: [Buffer.from("a")] } });
  const batch = await batchOf([message, { ...message, offsetDelta: 1 }]);
  const property = fc.asyncProperty(
    fc.integer({ min: 61, max: batch.length - 1 }),
    fc.integer({ min: 0, max: 255 }),
    async (place, byte) => {
      const changed = Buffer.from(batch);
      changed[place] = byte;
      expect((await read(changed)).length).toBeGreaterThan(0);
    },
  );
  await fc.assert(property, { numRuns: 500 });
});

test("a message with too many headers is dead-lettered alone, without them", async () => {
  const many = Object.fromEntries(
    Array.from({ length: headersMax + 1 }, (_, index) => [`h${index}`, Buffer.alloc(0)]),
  );
  const batch = await batchOf([
    messageOf({ headers: many }),
    messageOf({ offsetDelta: 1, value: Buffer.from("good") }),
  ]);
  expect(await read(batch)).toMatchObject([
    { offset: "7", headers: {}, unreadable: { code: "STAGE_MESSAGE_TOO_LONG", messages: 1 } },
    { offset: "8", value: Buffer.from("good") },
  ]);
});

test("a fetch beyond the limits returns one small batch of each further partition", async () => {
  const batch = await batchOf([messageOf()]);
  const large = packed(batch, 4, zstdCompressSync(Buffer.alloc(unpackedBytesMax + 1)));
  const medium = packed(batch, 4, zstdCompressSync(Buffer.alloc(limitsOfRest.bytes + 1)));
  const sofar = { bytes: 0, records: 0, headers: 0 };
  expect(await read(Buffer.concat([large, large, large]), sofar)).toHaveLength(1);
  expect(await read(Buffer.concat([batch, batch]), sofar)).toHaveLength(1);
  expect(await read(Buffer.concat([large, batch]), sofar)).toEqual([]);
  expect(await read(Buffer.concat([medium, batch]), sofar)).toEqual([]);
  expect(await read(withCount(batch, limitsOfRest.records + 1), sofar)).toEqual([]);
  expect(await read(Buffer.concat([batch, batch]))).toHaveLength(2);
});

function withCount(batch: Buffer, count: number): Buffer {
  const changed = Buffer.from(batch);
  changed.writeInt32BE(count, 57);
  return changed;
}
