import { assert } from "@sluice/domain";
import type { ScriptReply } from "@sluice/redis";

/** Reads what our own scripts answer; anything else is a defect of ours. */
export function listOf(reply: ScriptReply | undefined): readonly ScriptReply[] {
  assert(Array.isArray(reply), "OUTCOME_REPLY_MALFORMED", "A script did not answer with a list.");
  return reply;
}

export function numberOf(reply: ScriptReply | undefined): number {
  assert(
    typeof reply === "number",
    "OUTCOME_REPLY_MALFORMED",
    "A script did not answer with a number.",
  );
  return reply;
}

export function bytesOf(reply: ScriptReply | undefined): Buffer {
  assert(
    Buffer.isBuffer(reply),
    "OUTCOME_REPLY_MALFORMED",
    "A script did not answer with a string.",
  );
  return reply;
}

export function textOf(reply: ScriptReply | undefined): string {
  return bytesOf(reply).toString();
}

/** null where the script answered false. */
export async function recordOf<R>(
  reply: ScriptReply | undefined,
  decode: (bytes: Buffer) => Promise<R>,
): Promise<R | null> {
  return reply === null || reply === undefined ? null : decode(bytesOf(reply));
}
