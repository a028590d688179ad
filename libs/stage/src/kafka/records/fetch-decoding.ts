import { createRequire } from "node:module";
import { type AbortedTransaction, hideAborted } from "./aborted.ts";
import { fetchedRecords, type Unpacked } from "./fetched-records.ts";
import type { FetchedRecord } from "./record-batch.ts";

/** The client's own reader of a response. All partitions of a fetch share one. */
interface Decoder {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
}

const fetch = "kafkajs/src/protocol/requests/fetch";
/** The versions whose responses name aborted transactions. */
const versions = [4, 5, 6, 7, 8, 9, 10, 11];

/** The decoded response to a fetch, as far as it is read here. */
interface FetchResponse {
  readonly responses: readonly {
    readonly partitions: readonly {
      abortedTransactions: readonly AbortedTransaction[];
      messages: readonly FetchedRecord[];
    }[];
  }[];
}

interface ResponseModule {
  decode: (bytes: Buffer) => Promise<FetchResponse>;
}

/**
 * Replaces the client's reading of batches with ours. The client throws for a batch that it cannot
 * read, passes all messages of a batch as arguments, which fails for 130,000 of them, and returns
 * messages of aborted transactions. Call this before the client's first fetch, which loads the
 * replaced modules.
 */
export function decodeFetchesHere(): void {
  if (isReplaced) return;
  isReplaced = true;
  const load = createRequire(import.meta.url);
  const messages = `${fetch}/v4/decodeMessages`;
  load(messages);
  load.cache[load.resolve(messages)]!.exports = decodeMessages;
  for (const version of versions) {
    const response: ResponseModule = load(`${fetch}/v${version}/response`);
    const { decode } = response;
    response.decode = async (bytes) => withoutAborted(await decode(bytes));
  }
}

let isReplaced = false;

function withoutAborted(response: FetchResponse): FetchResponse {
  for (const partition of response.responses.flatMap(({ partitions }) => partitions)) {
    partition.messages = hideAborted(partition.messages, partition.abortedTransactions);
    // The client's filter has nothing left to do.
    partition.abortedTransactions = [];
  }
  return response;
}

const unpackedIn = new WeakMap<Decoder, Unpacked>();

async function decodeMessages(decoder: Decoder): Promise<FetchedRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  const sofar = unpackedIn.get(decoder) ?? { bytes: 0, records: 0, headers: 0 };
  unpackedIn.set(decoder, sofar);
  return fetchedRecords(decoder.readBytes(size), sofar);
}
