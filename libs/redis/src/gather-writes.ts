import type { Redis } from "ioredis";

/**
 * Sends all commands of the current turn of the event loop in one write. Requests arrive in waves,
 * and a write costs more than the script that it carries. A command waits for the end of the
 * current turn at most.
 */
export function gatherWrites(redis: Redis): void {
  const { stream } = redis;
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- the stream is absent before the first connection
  if (!stream || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
