import { randomFillSync } from "node:crypto";

const pool = Buffer.allocUnsafe(4_096);
let used = pool.length;

/**
 * Returns random bytes of the system's generator, in lower-case hex. Draws 4,096 bytes in advance,
 * because a call for a few bytes takes longer than all other work for an id.
 *
 * @param bytes at most 64
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const drawn = pool.toString("hex", used, used + bytes);
  // Erases the bytes that were returned, so that they cannot be read from memory again.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return drawn;
}
