/** No rank, no token, or no place. */
export const none = -1;

/** The base-2 logarithm of the number of remembered pairs. */
const rememberedBits = 17;

/**
 * Which two tokens of a byte-level vocabulary merge into which one. A token is numbered by its rank: of all pairs of
 * a text, that with the lowest rank is merged first.
 *
 * Looking up the bytes of a pair takes longer than everything else of a merge, so the pairs that were looked up
 * last are remembered by their numbers, in 1.5 MB. These are pieces of the vocabulary, and not of a text.
 */
export class MergeRanks {
  /** The number of tokens. All ranks are below it. */
  readonly size: number;
  private readonly longest: number;
  private readonly ofByte = new Int32Array(256);
  private readonly lefts = new Int32Array(1 << rememberedBits).fill(none);
  private readonly rights = new Int32Array(1 << rememberedBits);
  private readonly results = new Int32Array(1 << rememberedBits);

  /** @param ranks by the bytes of each token as latin1 text, one character a byte */
  constructor(private readonly ranks: ReadonlyMap<string, number>) {
    let size = 0;
    let longest = 0;
    for (const [bytes, rank] of ranks) {
      size = Math.max(size, rank + 1);
      longest = Math.max(longest, bytes.length);
    }
    this.size = size;
    this.longest = longest;
    for (let byte = 0; byte < this.ofByte.length; byte += 1)
      this.ofByte[byte] = ranks.get(String.fromCharCode(byte)) ?? none;
  }

  /** Returns whether the bytes are one token. */
  hasToken(bytes: string): boolean {
    return this.ranks.has(bytes);
  }

  /** Returns the token of one byte. A byte-level vocabulary has all 256. */
  tokenOfByte(bytes: string, at: number): number {
    return this.ofByte[bytes.charCodeAt(at)]!;
  }

  /**
   * Returns the token that two neighbouring ones merge into, which is also the rank of the pair, or `none`.
   *
   * @param bytes in which the pair is from `start` to `end`
   */
  mergedInto(left: number, right: number, bytes: string, start: number, end: number): number {
    const at = placeOf(left, right);
    if (this.lefts[at] === left && this.rights[at] === right) return this.results[at]!;
    const isTooLong = end - start > this.longest;
    const result = isTooLong ? none : (this.ranks.get(bytes.slice(start, end)) ?? none);
    this.lefts[at] = left;
    this.rights[at] = right;
    this.results[at] = result;
    return result;
  }
}

/** Spreads pairs over the places. The factors are odd, and their bits have no pattern. */
function placeOf(left: number, right: number): number {
  return (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> (32 - rememberedBits);
}
