import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { gatherWrites } from "./gather-writes.ts";
import { askRedis } from "./faults.ts";

/**
 * A function that Redis runs atomically. Its times come from the server's clock, the only clock
 * that all owners share.
 */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

/** Arguments of one call. All keys share one hash tag, so that they are in one slot. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
}

/** A reply in which strings are buffers, so that binary values survive. */
export type ScriptReply = Buffer | number | null | readonly ScriptReply[];

export function redisScript(...lines: readonly string[]): RedisScript {
  const lua = lines.join("\n");
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/**
 * Returns a script that also runs if the server has reached its memory limit and evicts nothing. For
 * scripts that end work: refusing them would keep the memory in use. The server refuses any other
 * script at its first write, so that a script that begins work has changed nothing.
 */
export function oomExemptScript(...lines: readonly string[]): RedisScript {
  return redisScript("#!lua flags=allow-oom", ...lines);
}

/**
 * Runs the script once for each call, in order, in one round trip. A second round trip follows if
 * the server does not know the script (at its first use, or after a restart).
 *
 * @returns one reply per call
 * @throws TransientFault `REDIS_UNAVAILABLE` or `REDIS_OUT_OF_MEMORY` if any call failed. The others
 *   may have been executed, so calls must be repeatable. Defect `REDIS_REFUSED` for an error in the script.
 */
export async function runScript(
  redis: Redis,
  script: RedisScript,
  calls: readonly ScriptCall[],
): Promise<readonly ScriptReply[]> {
  if (calls.length === 0) return [];
  return askRedis(async () => {
    const first = await pipeline(redis, script, calls, false);
    if (!first.some(({ error }) => isUnknownScript(error))) return first.map(replyOf);
    // The server knew the script for no call or, if another client loaded it meanwhile, for the later calls.
    const again = calls.filter((_, index) => isUnknownScript(first[index]!.error));
    const second = await pipeline(redis, script, again, true);
    return first.map((slot) => replyOf(isUnknownScript(slot.error) ? second.shift()! : slot));
  });
}

interface Slot {
  readonly error: Error | null;
  readonly reply: unknown;
}

async function pipeline(
  redis: Redis,
  script: RedisScript,
  calls: readonly ScriptCall[],
  load: boolean,
): Promise<Slot[]> {
  const commands = redis.pipeline();
  if (load) commands.script("LOAD", script.lua);
  for (const { keys, args } of calls)
    commands.callBuffer("evalsha", script.sha, keys.length, ...keys, ...args);
  gatherWrites(redis);
  const slots = (await commands.exec()) ?? [];
  return slots.slice(load ? 1 : 0).map(([error, reply]) => ({ error, reply }));
}

function replyOf({ error, reply }: Slot): ScriptReply {
  if (error) throw error;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- callBuffer gives nothing else for a Lua value
  return reply as ScriptReply;
}

function isUnknownScript(error: Error | null): boolean {
  return error?.message.startsWith("NOSCRIPT") ?? false;
}
