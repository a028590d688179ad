/**
 * The most bytes of one answer that are kept in memory. The largest legitimate answers carry 20
 * alternatives with each token: about 1.6 KB per token, so that 20,000 such tokens fit.
 */
export const answerBytesMax = 32 * 1_024 * 1_024;

/** The most bytes of one event of a stream. The client collects an event before it parses it. */
export const eventBytesMax = 4 * 1_024 * 1_024;

/** What the bytes of a body are collected into before they are parsed: events, or all in one. */
export type BodyForm = "events" | "whole";

/** The empty lines that end an event. A line may end with CR, LF or both. */
const eventEnds = ["\n\n", "\r\r", "\n\r\n"];
const endLengthMax = 3;

/**
 * Counts the bytes that have to be kept of a body that is being received. A provider that ignores the
 * output limit, or sends something else than an answer, would otherwise fill the memory until the
 * deadline.
 */
export class BodyLimit {
  readonly #form: BodyForm;
  #kept = 0;
  /** The last bytes of the body, because an end may be split over two pieces. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(form: BodyForm) {
    this.#form = form;
  }

  /** Adds a piece of the body. Returns whether the body is still within its limit. */
  admits(piece: Uint8Array): boolean {
    this.#kept += piece.byteLength;
    if (this.#form === "whole") return this.#kept <= answerBytesMax;
    const seen = Buffer.concat([this.#tail, piece]);
    const end = Math.max(...eventEnds.map((text) => endOfLast(seen, text)));
    if (end > 0) this.#kept = seen.byteLength - end;
    this.#tail = seen.subarray(-(endLengthMax - 1));
    return this.#kept <= eventBytesMax;
  }
}

/** Returns the position after the last occurrence of the text, or 0 if there is none. */
function endOfLast(bytes: Buffer, text: string): number {
  const at = bytes.lastIndexOf(text);
  return at === -1 ? 0 : at + text.length;
}
