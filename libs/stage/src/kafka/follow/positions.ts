import type { FetchedPartition } from "../kafka-cluster.ts";
import type { FetchedRecord } from "../records/record-batch.ts";

/** One partition that is read, and how far. The topic is with prefix. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** The offset to be read next. */
  next: bigint;
  /** The offset behind the last message when the reading began. */
  readonly end: bigint;
}

/**
 * Moves the position behind the fetched messages and returns those to pass on. A fetch begins with the whole batch in
 * which the offset is, so earlier messages may come first. Markers of transactions are not messages.
 *
 * If nothing is left of a batch, neither after compaction nor after an aborted transaction, the broker returns no
 * message below the high watermark. Without the jump, the same batch would be fetched forever.
 *
 * @param isAlone whether this partition was the only one in the fetch. Otherwise messages may be missing because the
 *   others have filled the response.
 */
export function advance(
  position: Position,
  { messages, highWatermark }: FetchedPartition,
  isAlone: boolean,
): readonly FetchedRecord[] {
  const fresh = messages.filter(({ offset }) => BigInt(offset) >= position.next);
  const last = fresh.at(-1);
  if (last) position.next = BigInt(last.offset) + 1n;
  else if (isAlone && BigInt(highWatermark) > position.next) position.next = BigInt(highWatermark);
  return fresh.filter(({ isControlRecord }) => !isControlRecord);
}

/** Whether the fetch has passed on nothing although there is something below the high watermark. */
export function isBehind({ next }: Position, { highWatermark }: FetchedPartition): boolean {
  return BigInt(highWatermark) > next;
}
