import { createRequire } from "node:module";
import { fetchedRecords, type Unpacked } from "./fetched-records.ts";
import type { FetchedRecord } from "./record-batch.ts";

/** The client's own reader of a response. All partitions of a fetch share one. */
interface Decoder {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
}

const path = "kafkajs/src/protocol/requests/fetch/v4/decodeMessages";

/**
 * Replaces the client's reading of batches with ours. The client throws for a batch that it cannot
 * read, and passes all messages of a batch as arguments, which fails for 130,000 of them. Call this
 * before the client's first fetch, which loads the replaced module.
 */
export function decodeFetchesHere(): void {
  const load = createRequire(import.meta.url);
  load(path);
  load.cache[load.resolve(path)]!.exports = decodeMessages;
}

const unpackedIn = new WeakMap<Decoder, Unpacked>();

async function decodeMessages(decoder: Decoder): Promise<FetchedRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  const sofar = unpackedIn.get(decoder) ?? { bytes: 0, records: 0 };
  unpackedIn.set(decoder, sofar);
  return fetchedRecords(decoder.readBytes(size), sofar);
}
