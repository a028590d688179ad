import { Bytes } from "./bytes.ts";

/** A message in the form in which the client passes it on. */
export interface FetchedRecord {
  readonly magicByte: number;
  readonly attributes: number;
  /** Epoch milliseconds. */
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, HeaderValue | HeaderValue[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** Explains why key, value and headers are absent. */
  readonly unreadable?: Unreadable;
}

type HeaderValue = Buffer | null;

/** Messages that become one dead letter without their bytes. */
export interface Unreadable {
  readonly code: "STAGE_BATCH_TOO_LONG" | "STAGE_BATCH_UNREADABLE" | "STAGE_MESSAGE_TOO_LONG";
  readonly reason: string;
  /** How many messages are missing. The offset is that of the last one. */
  readonly messages: number;
}

interface BatchContext {
  readonly producerId: string;
  readonly inTransaction: boolean;
}

/** A batch of Kafka's message format 2 whose records are still compressed. */
export interface RecordBatch {
  readonly magicByte: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly codec: number;
  readonly isControlBatch: boolean;
  /** undefined if each message has its own time. */
  readonly appendedAt: string | undefined;
  readonly firstTimestamp: number;
  readonly context: BatchContext;
  /** The number of messages that the batch states. */
  readonly count: number;
  readonly records: Buffer;
  /** The position at which the next batch begins. */
  readonly end: number;
}

/** Positions of the parts of a batch. Numbers are big-endian. */
const at = {
  length: 8,
  magic: 16,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
};
/** The position behind the length of a batch, from which that length counts. */
const lengthEnd = 12;
const codecMask = 0x07;
const appendTimeFlag = 0x08;
const transactionalFlag = 0x10;
const controlFlag = 0x20;

/** The most headers of a message, because each is an entry of its own in memory. */
export const headersMax = 1_000;

/** Returns the batch at a position, or undefined if the fetch ends before the batch does. */
export function batchAt(bytes: Buffer, start: number): RecordBatch | undefined {
  if (bytes.length < start + at.magic + 1) return undefined;
  const length = bytes.readInt32BE(start + at.length);
  const end = start + lengthEnd + length;
  if (length < 0 || bytes.length < end) return undefined;
  const magicByte = bytes.readInt8(start + at.magic);
  const firstOffset = Number(bytes.readBigInt64BE(start));
  if (magicByte !== 2 || end < start + at.records)
    return { ...nothing, magicByte, firstOffset, lastOffset: firstOffset, end };
  const attributes = bytes.readInt16BE(start + at.attributes);
  const inAppendTime = (attributes & appendTimeFlag) > 0;
  return {
    magicByte,
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(start + at.lastOffsetDelta),
    codec: attributes & codecMask,
    isControlBatch: (attributes & controlFlag) > 0,
    appendedAt: inAppendTime ? String(bytes.readBigInt64BE(start + at.maxTimestamp)) : undefined,
    firstTimestamp: Number(bytes.readBigInt64BE(start + at.firstTimestamp)),
    context: {
      producerId: String(bytes.readBigInt64BE(start + at.producerId)),
      inTransaction: (attributes & transactionalFlag) > 0,
    },
    count: bytes.readInt32BE(start + at.count),
    records: bytes.subarray(start + at.records, end),
    end,
  };
}

const nothing = {
  codec: 0,
  isControlBatch: false,
  appendedAt: undefined,
  firstTimestamp: 0,
  count: 1,
  context: { producerId: "-1", inTransaction: false },
  records: Buffer.alloc(0),
};

/** The batch exceeds a limit, and memory for it was not allocated. */
export class BatchTooLong extends Error {
  /** @param limit a number and its unit */
  constructor(readonly limit: string) {
    super(`more than ${limit}`);
  }
}

/**
 * Returns the messages of a batch, and the number of their headers.
 *
 * @param unpacked the records of the batch, decompressed
 * @throws BatchTooLong if they have more headers in all: three bytes can be one
 * @throws RangeError if the bytes end before the records do
 */
export function recordsIn(
  batch: RecordBatch,
  unpacked: Buffer,
  headersOfBatchMax: number,
): { readonly records: FetchedRecord[]; readonly headers: number } {
  const bytes = new Bytes(unpacked);
  const records: FetchedRecord[] = [];
  let headers = 0;
  const count = (ofRecord: number) => {
    headers += Math.max(ofRecord, 0);
    if (headers > headersOfBatchMax) throw new BatchTooLong(`${headersOfBatchMax} headers`);
  };
  for (let left = batch.count; left > 0; left -= 1)
    records.push(recordIn(batch, new Bytes(bytes.take(bytes.varint())), count));
  return { records, headers };
}

function recordIn(
  batch: RecordBatch,
  bytes: Bytes,
  countHeaders: (ofRecord: number) => void,
): FetchedRecord {
  const attributes = bytes.byte();
  const timestampDelta = bytes.varint();
  const offset = batch.firstOffset + bytes.varint();
  const from = {
    magicByte: batch.magicByte,
    attributes,
    timestamp: batch.appendedAt ?? String(batch.firstTimestamp + timestampDelta),
    offset: String(offset),
    isControlRecord: batch.isControlBatch,
    batchContext: batch.context,
  };
  const key = bytes.takeOrNull(bytes.varint());
  const value = bytes.takeOrNull(bytes.varint());
  const headers = bytes.varint();
  if (headers > headersMax) return { ...from, ...withoutBytes, unreadable: tooManyHeaders };
  countHeaders(headers);
  return { ...from, key, value, headers: headersIn(bytes, headers) };
}

const withoutBytes = { key: null, value: null, headers: {} };

const tooManyHeaders: Unreadable = {
  code: "STAGE_MESSAGE_TOO_LONG",
  reason: `more than ${headersMax} headers`,
  messages: 1,
};

/**
 * Builds a map first, so that a header named as a member of every object ("constructor") is an
 * ordinary header.
 */
function headersIn(bytes: Bytes, count: number): FetchedRecord["headers"] {
  if (count <= 0) return {};
  const headers = new Map<string, HeaderValue | HeaderValue[]>();
  for (let left = count; left > 0; left -= 1) {
    const name = bytes.take(bytes.varint()).toString("utf8");
    const value = bytes.takeOrNull(bytes.varint());
    const earlier = headers.get(name);
    if (Array.isArray(earlier)) earlier.push(value);
    else headers.set(name, earlier === undefined ? value : [earlier, value]);
  }
  return Object.fromEntries(headers);
}

/** Returns a record that the client passes over, with the offset at which the batch ends. */
export function passedRecordOf(batch: RecordBatch): FetchedRecord {
  return {
    magicByte: batch.magicByte,
    attributes: 0,
    timestamp: batch.appendedAt ?? String(batch.firstTimestamp),
    offset: String(batch.lastOffset),
    ...withoutBytes,
    isControlRecord: true,
    batchContext: batch.context,
  };
}

/**
 * Returns one record for all messages of a batch. It has the offset of the last one, so that
 * reading continues behind it.
 */
export function unreadableRecordOf(
  batch: RecordBatch,
  code: Unreadable["code"],
  reason: string,
): FetchedRecord {
  return {
    magicByte: batch.magicByte,
    attributes: 0,
    timestamp: batch.appendedAt ?? String(batch.firstTimestamp),
    offset: String(batch.lastOffset),
    ...withoutBytes,
    isControlRecord: false,
    batchContext: batch.context,
    unreadable: { code, reason, messages: batch.lastOffset - batch.firstOffset + 1 },
  };
}
