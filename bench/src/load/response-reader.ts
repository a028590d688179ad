/** One complete HTTP response as it arrived on the socket. */
export interface RawResponse {
  readonly status: number;
  readonly bytes: Buffer;
  /** Where the body begins in `bytes`. */
  readonly bodyAt: number;
}

const headEnd = Buffer.from("\r\n\r\n");

/**
 * Splits the bytes of a keep-alive socket into responses, with one open request at a time. It supports only
 * the part of HTTP that the two measured servers use, so that it needs almost no CPU.
 */
export class ResponseReader {
  private held: Buffer = Buffer.alloc(0);
  private whole: { readonly bodyAt: number; readonly length: number } | undefined;

  /**
   * Returns the response that these bytes complete, if they complete one.
   *
   * @throws Error if a response does not declare its length, because its end cannot be determined.
   */
  push(bytes: Buffer): RawResponse | undefined {
    this.held = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    this.whole ??= extentOf(this.held);
    if (!this.whole || this.held.length < this.whole.length) return undefined;
    const { bodyAt, length } = this.whole;
    const response = { status: statusOf(this.held), bytes: this.held.subarray(0, length), bodyAt };
    this.held = this.held.subarray(length);
    this.whole = undefined;
    return response;
  }
}

function extentOf(held: Buffer): { bodyAt: number; length: number } | undefined {
  const end = held.indexOf(headEnd);
  if (end < 0) return undefined;
  const bodyAt = end + headEnd.length;
  const declared = /\r\ncontent-length: *(\d+)/i.exec(held.toString("latin1", 0, bodyAt))?.[1];
  if (declared === undefined) throw new Error("A response has no content-length.");
  return { bodyAt, length: bodyAt + Number(declared) };
}

/** Reads the status from a line such as `HTTP/1.1 200 OK`. */
function statusOf(held: Buffer): number {
  return Number(held.toString("latin1", 9, 12));
}
