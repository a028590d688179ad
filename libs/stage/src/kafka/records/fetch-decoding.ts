import { createRequire } from "node:module";
import { fetchedRecords, type Unpacked } from "./fetched-records.ts";
import type { FetchedRecord } from "./record-batch.ts";

/** The client's own reader of a response; one for all partitions of a fetch. */
interface Decoder {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
}

const path = "kafkajs/src/protocol/requests/fetch/v4/decodeMessages";

/**
 * Puts our reading of batches in the place of the client's, which throws for a batch that it
 * cannot read, and passes all messages of one as arguments, of which there cannot be 130,000.
 * Call this before the client's first fetch: with that it takes what stands here.
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
