import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../../core/faults.ts";
import {
  batchAt,
  BatchTooLong,
  type FetchedRecord,
  passedRecordOf,
  type RecordBatch,
  recordsIn,
  type Unreadable,
  unreadableRecordOf,
} from "./record-batch.ts";
import { unpackedBytesMax, unpackZstd } from "./zstd.ts";

/** How much one batch may hold, or one fetch over all its partitions. */
export interface RecordLimits {
  /** Decompressed. */
  readonly bytes: number;
  readonly records: number;
  /** Over all records. Each header takes some hundred bytes of memory, however short it is. */
  readonly headers: number;
}

/**
 * The largest batches of our topics (2 MiB) decompress to a third of these bytes if they hold text.
 * Producers send some hundreds of records in a batch, and librdkafka 10,000; each takes a kilobyte
 * of memory here.
 */
export const limitsOfBatch: RecordLimits = {
  bytes: unpackedBytesMax,
  records: 50_000,
  headers: 200_000,
};

/** What the first batch of a partition may hold once the fetch has reached the limits of a batch. */
export const limitsOfRest: RecordLimits = {
  bytes: limitsOfBatch.bytes / 8,
  records: limitsOfBatch.records / 8,
  headers: limitsOfBatch.headers / 8,
};

/** The sizes of the batches of one fetch so far. */
export type Unpacked = { -readonly [Size in keyof RecordLimits]: number };

const gunzipInPool = promisify(gunzip);

type Unpack = (packed: Buffer, bytesMax: number) => Promise<Buffer>;

/** Decompresses by the codec number of the batch. Codecs without an entry are not read. */
const unpackBy: readonly (Unpack | undefined)[] = [
  async (records) => records,
  (packed, maxOutputLength) => gunzipInPool(packed, { maxOutputLength }),
  undefined,
  undefined,
  unpackZstd,
];
const codecNames = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * Returns the messages that a fetch brought of one partition. The client's own reader allocates as
 * much memory as a batch states, and throws for a batch that it cannot read. It would then repeat
 * the same fetch indefinitely. Here such a batch becomes one record that explains why.
 *
 * Batches of kilobytes may decompress to gigabytes together. Once a fetch has reached the limits of
 * one batch, each further partition brings one small batch at most. The rest is fetched again.
 *
 * @param sofar the sizes of this fetch over all partitions, to which this adds
 */
export async function fetchedRecords(bytes: Buffer, sofar: Unpacked): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  for (let batch = batchAt(bytes, 0); batch; batch = batchAt(bytes, batch.end)) {
    const isFull = exceeds(sofar, limitsOfBatch);
    if (isFull && records.length > 0) break;
    const found = await recordsOf(batch, sofar, isFull ? limitsOfRest : limitsOfBatch);
    if (!found) break;
    for (const record of found) records.push(record);
  }
  return records;
}

/** Returns undefined if the batch must wait for a fetch of its own. */
async function recordsOf(
  batch: RecordBatch,
  sofar: Unpacked,
  limits: RecordLimits,
): Promise<readonly FetchedRecord[] | undefined> {
  const unreadable = (code: Unreadable["code"], reason: string) => {
    sofar.records += 1;
    return [unreadableRecordOf(batch, code, reason)];
  };
  if (batch.magicByte !== 2)
    return unreadable(
      "STAGE_BATCH_UNREADABLE",
      `the batch has message format ${batch.magicByte}, not 2`,
    );
  const unpack = unpackBy[batch.codec];
  if (!unpack)
    return unreadable(
      "STAGE_BATCH_UNREADABLE",
      `the batch is compressed with ${nameOf(batch.codec)}`,
    );
  try {
    return await recordsWithin(batch, unpack, sofar, limits);
  } catch (error) {
    const tooLong = tooLongOf(error, limits);
    if (!tooLong) return unreadable("STAGE_BATCH_UNREADABLE", messageOf(error));
    if (limits === limitsOfRest) return undefined;
    sofar.bytes += limits.bytes;
    return unreadable("STAGE_BATCH_TOO_LONG", tooLong);
  }
}

async function recordsWithin(
  batch: RecordBatch,
  unpack: Unpack,
  sofar: Unpacked,
  limits: RecordLimits,
): Promise<readonly FetchedRecord[]> {
  if (batch.count > limits.records) throw new BatchTooLong(`${limits.records} messages`);
  const unpacked = batch.count > 0 ? await unpack(batch.records, limits.bytes) : batch.records;
  const { records, headers } = recordsIn(batch, unpacked, limits.headers);
  sofar.bytes += batch.codec === 0 ? 0 : unpacked.length;
  sofar.records += records.length;
  sofar.headers += headers;
  return throughEnd(batch, records);
}

function exceeds(sizes: Unpacked, limits: RecordLimits): boolean {
  return (
    sizes.bytes >= limits.bytes ||
    sizes.records >= limits.records ||
    sizes.headers >= limits.headers
  );
}

/** Returns why the batch is too long, or undefined for another error. */
function tooLongOf(error: unknown, limits: RecordLimits): string | undefined {
  const isBomb = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
  if (isBomb) return `the batch has more than ${limits.bytes} bytes when decompressed`;
  return error instanceof BatchTooLong ? `the batch has more than ${error.limit}` : undefined;
}

/**
 * Compaction removes messages, even all, and keeps the batch. Without a record at its last offset,
 * the client would fetch such a batch again indefinitely.
 */
function throughEnd(
  batch: RecordBatch,
  records: readonly FetchedRecord[],
): readonly FetchedRecord[] {
  const isWhole = records.at(-1)?.offset === String(batch.lastOffset);
  return isWhole ? records : [...records, passedRecordOf(batch)];
}

function nameOf(codec: number): string {
  return codecNames[codec] ?? `the unknown codec ${codec}`;
}
