import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../../core/faults.ts";
import {
  batchAt,
  type FetchedRecord,
  passedRecordOf,
  type RecordBatch,
  recordsIn,
  type Unreadable,
  unreadableRecordOf,
} from "./record-batch.ts";
import { unpackedBytesMax, zstdCodec } from "./zstd.ts";

/**
 * The most messages of a batch. Producers send some hundreds, and librdkafka 10,000; each takes a
 * kilobyte of memory here.
 */
export const recordsMax = 50_000;

/** The sizes of the batches of one fetch so far. */
export interface Unpacked {
  bytes: number;
  records: number;
}

const gunzipInPool = promisify(gunzip);

/** Decompresses by the codec number of the batch. Codecs without an entry are not read. */
const unpackBy: readonly (((packed: Buffer) => Promise<Buffer>) | undefined)[] = [
  async (records) => records,
  (packed) => gunzipInPool(packed, { maxOutputLength: unpackedBytesMax }),
  undefined,
  undefined,
  (packed) => zstdCodec.decompress(packed),
];
const codecNames = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * Returns the messages that a fetch brought of one partition. The client's own reader allocates as
 * much memory as a batch states, and throws for a batch that it cannot read. It would then repeat
 * the same fetch indefinitely. Here such a batch becomes one record that explains why.
 *
 * Batches of kilobytes may decompress to gigabytes together. Once a fetch has reached the limits of
 * one batch, only the first batch of each further partition is decompressed. The rest is fetched
 * again.
 *
 * @param sofar the sizes of this fetch over all partitions, to which this adds
 */
export async function fetchedRecords(bytes: Buffer, sofar: Unpacked): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  for (let batch = batchAt(bytes, 0); batch; batch = batchAt(bytes, batch.end)) {
    const isFull = sofar.bytes >= unpackedBytesMax || sofar.records >= recordsMax;
    if (isFull && records.length > 0) break;
    for (const record of await recordsOf(batch, sofar)) records.push(record);
  }
  return records;
}

async function recordsOf(batch: RecordBatch, sofar: Unpacked): Promise<readonly FetchedRecord[]> {
  const unreadable = (code: Unreadable["code"], reason: string) => {
    sofar.records += 1;
    return [unreadableRecordOf(batch, code, reason)];
  };
  if (batch.magicByte !== 2)
    return unreadable(
      "STAGE_BATCH_UNREADABLE",
      `the batch has message format ${batch.magicByte}, not 2`,
    );
  if (batch.count > recordsMax)
    return unreadable("STAGE_BATCH_TOO_LONG", `the batch has more than ${recordsMax} messages`);
  const unpack = unpackBy[batch.codec];
  if (!unpack)
    return unreadable(
      "STAGE_BATCH_UNREADABLE",
      `the batch is compressed with ${nameOf(batch.codec)}`,
    );
  try {
    const unpacked = batch.count > 0 ? await unpack(batch.records) : batch.records;
    sofar.bytes += batch.codec === 0 ? 0 : unpacked.length;
    const records = throughEnd(batch, recordsIn(batch, unpacked));
    sofar.records += records.length;
    return records;
  } catch (error) {
    if (!isTooLong(error)) return unreadable("STAGE_BATCH_UNREADABLE", messageOf(error));
    sofar.bytes += unpackedBytesMax;
    return unreadable(
      "STAGE_BATCH_TOO_LONG",
      `the batch has more than ${unpackedBytesMax} bytes when decompressed`,
    );
  }
}

/**
 * Compaction removes messages, even all, and keeps the batch. Without a record at its last offset,
 * the client would fetch such a batch again indefinitely.
 */
function throughEnd(batch: RecordBatch, records: readonly FetchedRecord[]): FetchedRecord[] {
  const isWhole = records.at(-1)?.offset === String(batch.lastOffset);
  return isWhole ? [...records] : [...records, passedRecordOf(batch)];
}

function nameOf(codec: number): string {
  return codecNames[codec] ?? `the unknown codec ${codec}`;
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
