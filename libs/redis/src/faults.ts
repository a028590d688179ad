import { Defect, Fault, TransientFault } from "@sluice/domain";
import { ReplyError } from "ioredis";

/** Every code this package throws. */
export type RedisFaultCode = "REDIS_UNAVAILABLE" | "REDIS_REFUSED";

/** Replies by which the server says "not now". Any other error reply is our own mistake. */
const passing =
  /^-?(?:LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|UNBLOCKED|MOVED|ASK)\b/;

/**
 * Whether waiting helps: no connection, no answer in time, or a server that
 * starts, fails over or is full. A timed-out command may have been executed.
 */
export function isRedisDown(error: unknown): boolean {
  if (error instanceof TransientFault) return error.code === "REDIS_UNAVAILABLE";
  if (error instanceof Fault) return false;
  if (error instanceof ReplyError) return passing.test(messageOf(error));
  return error instanceof Error;
}

/** @returns TransientFault `REDIS_UNAVAILABLE`, or Defect `REDIS_REFUSED` for a command the server rejects. */
export function redisFaultOf(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  // The client attaches the command with its arguments: prompts and answers, which no log may show.
  if (cause instanceof Error) Reflect.deleteProperty(cause, "command");
  return isRedisDown(cause)
    ? new TransientFault("REDIS_UNAVAILABLE", "Redis does not answer.", { cause })
    : new Defect("REDIS_REFUSED", `Redis refuses the command: ${messageOf(cause)}`, { cause });
}

/** Runs one round trip; whatever the client throws becomes a fault of ours. */
export async function askRedis<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw redisFaultOf(cause);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
