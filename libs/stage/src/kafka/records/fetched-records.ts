import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../../core/faults.ts";
import {
  batchAt,
  type FetchedRecord,
  type RecordBatch,
  recordsIn,
  type Unreadable,
  unreadableRecordOf,
} from "./record-batch.ts";
import { unpackedBytesMax, zstdCodec } from "./zstd.ts";

/** Producers put some hundreds into a batch, and librdkafka 10,000; each takes a kilobyte here. */
export const recordsMax = 50_000;

/** What the batches of one fetch hold so far. */
export interface Unpacked {
  bytes: number;
  records: number;
}

const gunzipInPool = promisify(gunzip);

/** By the number that a batch has for them; what is not here is not read. */
const unpackBy: readonly (((packed: Buffer) => Promise<Buffer>) | undefined)[] = [
  async (records) => records,
  (packed) => gunzipInPool(packed, { maxOutputLength: unpackedBytesMax }),
  undefined,
  undefined,
  (packed) => zstdCodec.decompress(packed),
];
const codecNames = ["none", "gzip", "snappy", "lz4", "zstd"];

/**
 * The records of what a fetch brought of one partition. The client's own reading takes as much
 * memory as a batch asks for, and throws for what it cannot read: the same fetch comes again, for
 * ever. Here such a batch is one record that says so.
 *
 * Batches of kilobytes may unpack to gigabytes together: beyond the limits of one batch nothing
 * further is unpacked for this fetch but the first batch of each partition. The rest is fetched
 * again.
 *
 * @param sofar of this fetch, all partitions; is added to
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
  const leaves = (code: Unreadable["code"], reason: string) => {
    sofar.records += 1;
    return [unreadableRecordOf(batch, code, reason)];
  };
  if (batch.magicByte !== 2)
    return leaves("STAGE_BATCH_UNREADABLE", `in message format ${batch.magicByte}, not 2`);
  if (batch.count > recordsMax)
    return leaves("STAGE_BATCH_TOO_LONG", `more than ${recordsMax} messages`);
  const unpack = unpackBy[batch.codec];
  if (!unpack) return leaves("STAGE_BATCH_UNREADABLE", `packed by ${nameOf(batch.codec)}`);
  try {
    const unpacked = batch.count > 0 ? await unpack(batch.records) : batch.records;
    sofar.bytes += batch.codec === 0 ? 0 : unpacked.length;
    const records = recordsIn(batch, unpacked);
    sofar.records += records.length;
    return records;
  } catch (error) {
    if (!isTooLong(error)) return leaves("STAGE_BATCH_UNREADABLE", messageOf(error));
    sofar.bytes += unpackedBytesMax;
    return leaves("STAGE_BATCH_TOO_LONG", `more than ${unpackedBytesMax} bytes once unpacked`);
  }
}

function nameOf(codec: number): string {
  return codecNames[codec] ?? `the unknown codec ${codec}`;
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
