import { randomFillSync } from "node:crypto";

const pool = Buffer.allocUnsafe(4_096);
let used = pool.length;

/**
 * Random bytes of the system's generator, as lower-case hex. Drawn in advance: asking for a few at a time
 * costs more than all else that an id needs.
 *
 * @param bytes at most 64
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const drawn = pool.toString("hex", used, used + bytes);
  // Nothing that was given out stays to be read again.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return drawn;
}
