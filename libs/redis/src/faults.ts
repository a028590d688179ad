import { connectionTroubleOf, Defect, Fault, TransientFault } from "@sluice/domain";
import { ReplyError } from "ioredis";

/** Every code this package throws. */
export type RedisFaultCode =
  | "REDIS_UNAVAILABLE"
  | "REDIS_OUT_OF_MEMORY"
  | "REDIS_REFUSED"
  | "REDIS_REPLY_MALFORMED";

/**
 * Error replies of a server that is temporarily unable to answer. Any other error reply is a
 * mistake of ours. A script is unknown (NOSCRIPT) after it was loaded if the server was replaced
 * between the two.
 */
const passing =
  /^-?(?:LOADING|NOSCRIPT|BUSY|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|UNBLOCKED|MOVED|ASK)\b/;

/**
 * Error replies that deny access. An operator repairs these. Meanwhile messages must wait, and must
 * not be dead-lettered.
 */
const denied = /^-?(?:NOAUTH|WRONGPASS|NOPERM)\b/;

/** The server has reached its memory limit and evicts nothing. The command was not executed. */
const outOfMemory = /^-?OOM\b/;

const transientCodes: ReadonlySet<string> = new Set<RedisFaultCode>([
  "REDIS_UNAVAILABLE",
  "REDIS_OUT_OF_MEMORY",
]);

/**
 * Returns whether waiting helps: there is no connection, no answer came in time, or the server
 * starts, fails over, is full or denies access. A command that timed out may have been executed.
 */
export function isRedisDown(error: unknown): boolean {
  if (error instanceof TransientFault) return transientCodes.has(error.code);
  if (error instanceof Fault) return false;
  if (error instanceof ReplyError)
    return [passing, denied, outOfMemory].some((pattern) => pattern.test(messageOf(error)));
  return error instanceof Error;
}

/**
 * Returns TransientFault `REDIS_UNAVAILABLE` or `REDIS_OUT_OF_MEMORY`, or Defect `REDIS_REFUSED` for
 * a command that the server rejects.
 */
export function redisFaultOf(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  withoutCommand(cause);
  if (!isRedisDown(cause))
    return new Defect("REDIS_REFUSED", `Redis rejected the command: ${messageOf(cause)}`, {
      cause,
    });
  if (outOfMemory.test(messageOf(cause)))
    return new TransientFault(
      "REDIS_OUT_OF_MEMORY",
      "Redis has reached its memory limit and accepts no new data. Raise maxmemory, or wait until keys expire.",
      { cause },
    );
  const message = denied.test(messageOf(cause))
    ? `Redis denies access: ${denialOf(messageOf(cause))}.`
    : "Redis did not answer.";
  return new TransientFault("REDIS_UNAVAILABLE", message, { cause });
}

/** Describes a lost or refused connection. The message names the server, never a user, password or command. */
export function unusable(url: string, cause: Error): Error {
  withoutCommand(cause);
  const message = messageOf(cause);
  const reason = denied.test(message) ? denialOf(message) : connectionTroubleOf(cause);
  return new Error(`Redis at ${new URL(url).host}: ${reason ?? message}.`, { cause });
}

function denialOf(message: string): string {
  const [, word] = /^-?([A-Z]+)/.exec(message) ?? [];
  if (word === "WRONGPASS") return "it does not accept our user and password";
  if (word === "NOAUTH") return "it asks for a user and password: add them to its address";
  return `our user lacks a right, ${message.replace(/^-?NOPERM /, "").replace(/\.$/, "")}`;
}

/** Removes the command that the client attaches, because its arguments are prompts, answers and passwords. */
function withoutCommand(cause: unknown): void {
  if (cause instanceof Error) Reflect.deleteProperty(cause, "command");
}

/** Runs one round trip. @throws what {@link redisFaultOf} makes of the client's error */
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
