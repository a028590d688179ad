import { type MergeRanks, none } from "./merge-ranks.ts";
import { RankLists, RankQueue } from "./rank-queue.ts";

/**
 * Pieces of up to so many bytes are merged by looking for the lowest rank in a list. The time grows with the
 * square of the length, but up to here it is less than that of a queue.
 */
const shortMax = 128;
/** Those of o200k take 1.8 MB. Without a limit, as many would be kept as were once used at the same time. */
const spareListsMax = 2;
/** A few milliseconds of work. */
const stepsAtOnce = 16_384;

/**
 * Splits pieces of text into tokens by merging their bytes pair by pair, the lowest rank first and of equal ranks
 * the first, and returns how many tokens remain. The pieces are given as latin1 text, one character a byte.
 */
export class BytePairs {
  /** Of the piece that is merged, and then of the next one: a short piece is never interrupted. */
  private readonly tokens = new Int32Array(shortMax);
  private readonly starts = new Int32Array(shortMax + 1);
  private readonly pairs = new Int32Array(shortMax);
  /** A list is used by one piece at a time. */
  private readonly spareLists: RankLists[] = [];

  constructor(private readonly ranks: MergeRanks) {}

  /** Returns the count of a piece that is soon counted; undefined if `countOfLong` has to do it. */
  countOfShort(bytes: string): number | undefined {
    if (this.ranks.hasToken(bytes)) return 1;
    return bytes.length <= shortMax ? this.mergeShort(bytes) : undefined;
  }

  /** @returns yields after every few thousand merges, so that the owner can let others run */
  *countOfLong(bytes: string): Generator<void, number> {
    const lists = this.spareLists.pop() ?? new RankLists(this.ranks.size);
    const piece = new LongPiece(bytes, this.ranks, lists);
    let steps = 0;
    for (let start = 0; start < bytes.length - 1; start += 1) {
      piece.offer(start);
      steps += 1;
      if (steps % stepsAtOnce === 0) yield;
    }
    while (piece.mergeNext()) {
      steps += 1;
      if (steps % stepsAtOnce === 0) yield;
    }
    // The lists of a piece that is abandoned are not empty. They are not used again.
    if (this.spareLists.length < spareListsMax) this.spareLists.push(lists);
    return piece.count;
  }

  private mergeShort(bytes: string): number {
    const { tokens, starts, pairs, ranks } = this;
    let count = bytes.length;
    for (let at = 0; at < count; at += 1) {
      tokens[at] = ranks.tokenOfByte(bytes, at);
      starts[at] = at;
    }
    starts[count] = count;
    const pairAt = (at: number): number =>
      at < 0 || at + 1 >= count
        ? none
        : ranks.mergedInto(tokens[at]!, tokens[at + 1]!, bytes, starts[at]!, starts[at + 2]!);
    for (let at = 0; at < count; at += 1) pairs[at] = pairAt(at);
    for (;;) {
      let lowest = none;
      for (let at = 0; at + 1 < count; at += 1)
        if (pairs[at]! !== none && (lowest === none || pairs[at]! < pairs[lowest]!)) lowest = at;
      if (lowest === none) return count;
      tokens[lowest] = pairs[lowest]!;
      count -= 1;
      for (let at = lowest + 1; at < count; at += 1) {
        tokens[at] = tokens[at + 1]!;
        starts[at] = starts[at + 1]!;
        pairs[at] = pairs[at + 1]!;
      }
      starts[count] = bytes.length;
      pairs[lowest] = pairAt(lowest);
      if (lowest > 0) pairs[lowest - 1] = pairAt(lowest - 1);
    }
  }
}

/** The tokens of a piece so far, as a list of their first bytes. */
class LongPiece {
  count: number;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly tokens: Int32Array;
  private readonly queue: RankQueue;

  constructor(
    private readonly bytes: string,
    private readonly ranks: MergeRanks,
    lists: RankLists,
  ) {
    const { length } = bytes;
    this.count = length;
    this.next = new Int32Array(length);
    this.previous = new Int32Array(length);
    this.tokens = new Int32Array(length);
    // `Int32Array.from` takes fifteen times as long, and nothing else runs meanwhile.
    for (let index = 0; index < length; index += 1) {
      this.next[index] = index + 1;
      this.previous[index] = index - 1;
      this.tokens[index] = ranks.tokenOfByte(bytes, index);
    }
    this.queue = new RankQueue(length, lists);
  }

  /** Notes the rank of the pair that begins here. */
  offer(start: number): void {
    const { bytes, next, tokens } = this;
    const second = next[start]!;
    const rank =
      second < bytes.length
        ? this.ranks.mergedInto(tokens[start]!, tokens[second]!, bytes, start, next[second]!)
        : none;
    this.queue.set(start, rank);
  }

  /** Merges the pair whose turn it is. Returns false if no pair merges. */
  mergeNext(): boolean {
    const { bytes, next, previous, tokens } = this;
    const start = this.queue.take();
    if (start === none) return false;
    const merged = next[start]!;
    const after = next[merged]!;
    tokens[start] = this.ranks.mergedInto(tokens[start]!, tokens[merged]!, bytes, start, after);
    next[start] = after;
    if (after < bytes.length) previous[after] = start;
    this.queue.set(merged, none);
    this.count -= 1;
    this.offer(start);
    if (previous[start]! !== none) this.offer(previous[start]!);
    return true;
  }
}
