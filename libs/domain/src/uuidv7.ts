import { randomBytes } from "node:crypto";
import type { EpochMillis } from "./clock.ts";

/** RFC 9562: 48 bits of milliseconds, then random. Ids of one moment lie together in an index. */
export function uuidv7(now: EpochMillis): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join("-");
}
