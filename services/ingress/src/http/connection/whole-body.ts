import type { IncomingMessage } from "node:http";
import { bodyTooLarge } from "../api-error.ts";

/** In bytes. A body of unknown length begins with so much room. */
const roomMin = 1_024;

/**
 * Reads a body of at most `bytesMax` into one buffer. Node gives each chunk as an object of its own, which also keeps what
 * else was read from the socket with it. If they were kept, a body in chunks of one byte would take some hundred times its
 * length. Reports an ApiError 413 if the body is longer, and the error of the connection if it breaks.
 */
export function readWhole(
  request: IncomingMessage,
  bytesMax: number,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  let room: Buffer = Buffer.alloc(0);
  let length = 0;
  const finish = (error: Error | null, body?: Buffer): void => {
    request.off("data", onData).off("end", onEnd).off("error", onError);
    done(error, body);
  };
  const onData = (chunk: Buffer): void => {
    const needed = length + chunk.length;
    if (needed > bytesMax) {
      finish(bodyTooLarge(bytesMax));
      return;
    }
    if (needed > room.length) room = grown(room, needed);
    chunk.copy(room, length);
    length = needed;
  };
  const onEnd = (): void => finish(null, room.subarray(0, length));
  const onError = (error: Error): void => finish(error);
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > 0) room = Buffer.allocUnsafe(Math.min(announced, bytesMax));
  request.on("data", onData).on("end", onEnd).on("error", onError);

  function grown(before: Buffer, needed: number): Buffer {
    const size = Math.min(Math.max(2 * before.length, needed, roomMin), bytesMax);
    const larger = Buffer.allocUnsafe(size);
    before.copy(larger, 0, 0, length);
    return larger;
  }
}
