import { assert } from "@sluice/domain";
import type { RedisFaultCode } from "./faults.ts";
import type { ScriptReply } from "./script.ts";

const malformed: RedisFaultCode = "REDIS_REPLY_MALFORMED";

/** Returns the reply of a script as a list. Any other reply is a defect. */
export function listOf(reply: ScriptReply | undefined): readonly ScriptReply[] {
  assert(Array.isArray(reply), malformed, "A Redis script did not return a list.");
  return reply;
}

export function numberOf(reply: ScriptReply | undefined): number {
  assert(typeof reply === "number", malformed, "A Redis script did not return a number.");
  return reply;
}

export function bytesOf(reply: ScriptReply | undefined): Buffer {
  assert(Buffer.isBuffer(reply), malformed, "A Redis script did not return a string.");
  return reply;
}

export function textOf(reply: ScriptReply | undefined): string {
  return bytesOf(reply).toString();
}

/** Decodes the record of a reply. Returns null if the script returned false. */
export async function recordOf<R>(
  reply: ScriptReply | undefined,
  decode: (bytes: Buffer) => Promise<R>,
): Promise<R | null> {
  return isAbsent(reply) ? null : decode(bytesOf(reply));
}

/** Returns whether the script returned false. */
export function isAbsent(reply: ScriptReply | undefined): reply is null | undefined {
  return reply === null || reply === undefined;
}
