import { isIP } from "node:net";
import { doubledMs } from "@sluice/domain";
import { Redis, type RedisOptions } from "ioredis";
import { unusable } from "./faults.ts";

export interface RedisConnection {
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** How long a command may take, in milliseconds. Default {@link cacheCommandTimeoutMs}. */
  readonly commandTimeoutMs?: number;
  /** For `rediss://`: PEM text of the CA that signs the server's certificate; without it those that Node trusts. */
  readonly ca?: string | undefined;
  /** Told of each lost or refused connection. The client reconnects by itself, so there is nothing to do but say it. */
  readonly onDown?: (error: Error) => void;
}

/** A cache that is slower than this costs more than the miss. */
export const cacheCommandTimeoutMs = 25;

/**
 * For state that must be right. Timers run before sockets are read, so a stall
 * of our own event loop longer than the timeout fails commands whose answers
 * have already arrived. 25 ms stalls are ordinary on a busy box (a large JSON
 * body, a collection); taking them for outages would pause partitions and
 * answer 503 for nothing. Half a second is an outage.
 */
export const stateCommandTimeoutMs = 500;

/** A peer that vanished without a word is given up after this; it also bounds how long timed-out commands are kept. */
const silenceMs = 5_000;
const connectTimeoutMs = 2_000;
const reconnectBackOff = { firstMs: 50, maxMs: 1_000 };

/**
 * Connects in the background and again for ever. While there is no connection,
 * commands fail at once instead of queueing (the client's defaults wait for
 * ever): the caller knows whether it may go on without.
 */
export function connectRedis(url: string, connection: RedisConnection): Redis {
  return open(url, connection, {
    commandTimeout: connection.commandTimeoutMs ?? cacheCommandTimeoutMs,
    socketTimeout: silenceMs,
  });
}

/**
 * A connection for publish and subscribe. It is silent by nature, so only its
 * commands have a timeout. Subscriptions are the caller's to repeat, on
 * `ready`: it must look for what it missed then anyway.
 */
export function connectSubscriber(url: string, connection: RedisConnection): Redis {
  return open(url, connection, {
    commandTimeout: connection.commandTimeoutMs ?? stateCommandTimeoutMs,
    autoResubscribe: false,
  });
}

/** Whether the server answers now. For readiness; never throws. */
export async function isRedisReady(redis: Redis): Promise<boolean> {
  try {
    return (await redis.ping()) === "PONG";
  } catch {
    return false;
  }
}

type Differing = Pick<RedisOptions, "commandTimeout" | "socketTimeout" | "autoResubscribe">;

function open(url: string, { name, ca, onDown }: RedisConnection, options: Differing): Redis {
  const redis = new Redis(url, {
    ...options,
    ...tlsOf(url, ca),
    connectionName: name,
    connectTimeout: connectTimeoutMs,
    enableOfflineQueue: false,
    // A command that was cut off is unknown; whether to repeat it is the caller's to decide.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectAfterMs,
  });
  // Without a listener the client prints to the console.
  redis.on("error", (error: Error) => onDown?.(unusable(url, error)));
  return redis;
}

/** The server's name is verified, and told to it, so that one behind a shared address knows who is meant. */
function tlsOf(url: string, ca: string | undefined): Pick<RedisOptions, "tls"> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "rediss:") return {};
  return { tls: { ...(ca ? { ca } : {}), ...(isIP(hostname) ? {} : { servername: hostname }) } };
}

/** Doubles from 50 ms to a second, with up to a quarter of jitter so that a fleet does not return at once. */
function reconnectAfterMs(attempt: number): number {
  return doubledMs(reconnectBackOff, attempt) * (1 + Math.random() / 4);
}
