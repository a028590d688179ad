import { connectionTroubleOf, Defect, Fault, TransientFault } from "@sluice/domain";
import { ReplyError } from "ioredis";

/** Every code this package throws. */
export type RedisFaultCode = "REDIS_UNAVAILABLE" | "REDIS_REFUSED";

/** Replies by which the server says "not now". Any other error reply is our own mistake. */
const passing =
  /^-?(?:LOADING|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM|UNBLOCKED|MOVED|ASK)\b/;

/** Replies by which it keeps us out. An operator repairs these, and nothing may leave as poison meanwhile. */
const shut = /^-?(?:NOAUTH|WRONGPASS|NOPERM)\b/;

/**
 * Whether waiting helps: no connection, no answer in time, or a server that
 * starts, fails over, is full, or does not let us in. A timed-out command may have been executed.
 */
export function isRedisDown(error: unknown): boolean {
  if (error instanceof TransientFault) return error.code === "REDIS_UNAVAILABLE";
  if (error instanceof Fault) return false;
  if (error instanceof ReplyError)
    return passing.test(messageOf(error)) || shut.test(messageOf(error));
  return error instanceof Error;
}

/** @returns TransientFault `REDIS_UNAVAILABLE`, or Defect `REDIS_REFUSED` for a command the server rejects. */
export function redisFaultOf(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  withoutCommand(cause);
  if (!isRedisDown(cause))
    return new Defect("REDIS_REFUSED", `Redis refuses the command: ${messageOf(cause)}`, { cause });
  const message = shut.test(messageOf(cause))
    ? `Redis does not let us: ${shutReasonOf(messageOf(cause))}.`
    : "Redis does not answer.";
  return new TransientFault("REDIS_UNAVAILABLE", message, { cause });
}

/** What a lost or refused connection is told as; names the server, never user, password or command. */
export function unusable(url: string, cause: Error): Error {
  withoutCommand(cause);
  const message = messageOf(cause);
  const reason = shut.test(message) ? shutReasonOf(message) : connectionTroubleOf(cause);
  return new Error(`Redis at ${new URL(url).host}: ${reason ?? message}.`, { cause });
}

function shutReasonOf(message: string): string {
  const [, word] = /^-?([A-Z]+)/.exec(message) ?? [];
  if (word === "WRONGPASS") return "it does not accept our user and password";
  if (word === "NOAUTH") return "it asks for a user and password: put them into its address";
  return `our user lacks a right, ${message.replace(/^-?NOPERM /, "").replace(/\.$/, "")}`;
}

/** The client attaches the command with its arguments: prompts, answers and passwords, which no log may show. */
function withoutCommand(cause: unknown): void {
  if (cause instanceof Error) Reflect.deleteProperty(cause, "command");
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
