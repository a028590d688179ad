import { randomBytes } from "node:crypto";

/** Returns an id for a client that waits for a reply. It is unique among the readers of one request. */
export function newReaderId(): string {
  return randomBytes(6).toString("base64url");
}
