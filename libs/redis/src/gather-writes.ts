import type { Redis } from "ioredis";

/**
 * Everything that is asked of Redis within this turn of the event loop leaves in one write. Requests come
 * and go in waves, a write costs more than the script that it carries, and nobody waits longer for it
 * than for the turn that is running anyway.
 */
export function gatherWrites(redis: Redis): void {
  const { stream } = redis;
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- there is none before the first connection
  if (!stream || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
