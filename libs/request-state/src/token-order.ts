/** Where a token is in the reply. */
export interface TokenPlace {
  readonly attempt: number;
  /** From 0 within the attempt, without gaps. */
  readonly sequence: number;
}

export interface ReplyToken extends TokenPlace {
  readonly payload: string;
}

/**
 * The order in which one reader receives tokens. Tokens may be stored twice, and the stream may have
 * expired before a slow or late reader has read it. A client must not receive an answer with a hole.
 */
export class TokenOrder {
  #last: TokenPlace | null = null;
  #hasGap = false;

  /** Returns whether the reader receives this token: it is the next one, and none was missed before. */
  accepts({ attempt, sequence }: TokenPlace): boolean {
    const last = this.#last;
    const isSameAttempt = last?.attempt === attempt;
    if (this.#hasGap || (isSameAttempt && sequence <= last.sequence)) return false;
    const expected = isSameAttempt ? last.sequence + 1 : 0;
    this.#hasGap = sequence !== expected;
    if (!this.#hasGap) this.#last = { attempt, sequence };
    return !this.#hasGap;
  }

  /**
   * Returns whether the reader has received all tokens up to the last one, or none at all: then the
   * outcome replaces them.
   *
   * @param end the last token of the reply, null if it had none
   */
  isComplete(end: TokenPlace | null): boolean {
    const last = this.#last;
    if (last === null) return true;
    if (this.#hasGap) return false;
    return end === null || (end.attempt === last.attempt && end.sequence === last.sequence);
  }
}
