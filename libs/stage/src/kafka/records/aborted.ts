import type { FetchedRecord } from "./record-batch.ts";

/** A transaction that its producer has aborted, from the response to a fetch. */
export interface AbortedTransaction {
  readonly producerId: string;
  /** The offset of its first message, which may be before the first message of the fetch. */
  readonly firstOffset: string;
}

/** The type in the key of a control record, after two bytes of version. */
const abortType = 0;

/**
 * Hides the messages of aborted transactions, which must not be read: their producer has said that
 * they never happened. A hidden record keeps its offset, so that reading continues behind it.
 *
 * The client's own filter expects one transaction to begin after the other, and takes any key of
 * four zero bytes for the end of one. It then returns aborted messages if two producers abort at
 * the same time.
 */
export function hideAborted(
  records: readonly FetchedRecord[],
  aborted: readonly AbortedTransaction[],
): readonly FetchedRecord[] {
  if (aborted.length === 0) return records;
  // The broker sorts them by their ends.
  const upcoming = aborted
    .map(({ producerId, firstOffset }) => ({ producerId, begins: BigInt(firstOffset) }))
    .toSorted((one, other) => (one.begins < other.begins ? -1 : 1));
  const aborting = new Set<string>();
  return records.map((record) => {
    while (upcoming[0] && upcoming[0].begins <= BigInt(record.offset))
      aborting.add(upcoming.shift()!.producerId);
    const { producerId, inTransaction } = record.batchContext;
    if (record.isControlRecord) {
      if (isAbort(record)) aborting.delete(producerId);
      return record;
    }
    return inTransaction && aborting.has(producerId) ? hidden(record) : record;
  });
}

function isAbort({ key }: FetchedRecord): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === abortType;
}

/** Control records are the only ones that the client passes over without a word. */
function hidden(record: FetchedRecord): FetchedRecord {
  return { ...record, key: null, value: null, headers: {}, isControlRecord: true };
}
