import type { EpochMillis } from "./clock.ts";
import { randomHex } from "./random-hex.ts";

/** Returns a UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random bits. Ids of about the same time are adjacent in an index. */
export function uuidv7(now: EpochMillis): string {
  const time = now.toString(16).padStart(12, "0");
  const random = randomHex(10);
  // The two highest bits of this digit are the variant, 10.
  const variant = ((Number.parseInt(random[3]!, 16) & 0x3) | 0x8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ].join("-");
}
