import { isIP } from "node:net";
import { doubledMs } from "@sluice/domain";
import { Redis, type RedisOptions } from "ioredis";
import { unusable } from "./faults.ts";

export interface RedisConnection {
  /** The name that `CLIENT LIST` shows. */
  readonly name: string;
  /** How long a command may take, in milliseconds. Default {@link cacheCommandTimeoutMs}. */
  readonly commandTimeoutMs?: number;
  /**
   * For `rediss://`: PEM text of the CA that signs the server's certificate; without it, the CAs
   * that Node trusts.
   */
  readonly ca?: string | undefined;
  /** Receives each lost or refused connection, to log it. The client reconnects automatically. */
  readonly onDown?: (error: Error) => void;
}

/** For the cache: a lookup that takes longer costs more than a miss. */
export const cacheCommandTimeoutMs = 25;

/**
 * For the state of requests, which must be right. Timers run before sockets are read, so a stall of
 * our own event loop that is longer than the timeout fails commands whose answers have already
 * arrived. Stalls of 25 ms are ordinary on a busy machine (a large JSON body, a garbage collection).
 * Treating them as outages would pause partitions and answer 503 without need. Half a second is an
 * outage.
 */
export const stateCommandTimeoutMs = 500;

/** A silent server is given up after this time, which also bounds how long timed-out commands are kept. */
const silenceMs = 5_000;
const pingEveryMs = 5_000;
const connectTimeoutMs = 2_000;
const reconnectBackOff = { firstMs: 50, maxMs: 1_000 };

/**
 * Connects in the background and reconnects indefinitely. Without a connection, commands fail at
 * once instead of queueing (the client's defaults wait forever), because only the calling code
 * knows whether it can continue without an answer.
 */
export function connectRedis(url: string, connection: RedisConnection): Redis {
  return open(url, connection, {
    commandTimeout: connection.commandTimeoutMs ?? cacheCommandTimeoutMs,
    socketTimeout: silenceMs,
  });
}

/**
 * Opens a connection for publish and subscribe. It may receive nothing for long, and would send
 * nothing, so it pings: a path that drops packets would otherwise be noticed by TCP after minutes, and
 * messages would be missed until then. After a reconnection the calling code repeats its
 * subscriptions, on `ready`, because it must look for missed messages then anyway.
 */
export function connectSubscriber(url: string, connection: RedisConnection): Redis {
  const redis = open(url, connection, {
    commandTimeout: connection.commandTimeoutMs ?? stateCommandTimeoutMs,
    socketTimeout: silenceMs,
    autoResubscribe: false,
  });
  const pings = setInterval(() => {
    // A missing answer ends the connection by `socketTimeout`, which allows for stalls of our own event loop.
    if (redis.status === "ready") redis.ping().catch(() => undefined);
  }, pingEveryMs);
  pings.unref();
  redis.once("end", () => clearInterval(pings));
  return redis;
}

/** Returns whether the server answers now. For readiness; never throws. */
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
    // Whether a command that was cut off was executed is unknown, so the calling code decides about
    // repeating it.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectAfterMs,
  });
  // Without a listener the client would print to the console.
  redis.on("error", (error: Error) => onDown?.(unusable(url, error)));
  return redis;
}

/** Sends the server's name, which is verified, so that servers behind one shared address can be distinguished. */
function tlsOf(url: string, ca: string | undefined): Pick<RedisOptions, "tls"> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "rediss:") return {};
  return { tls: { ...(ca ? { ca } : {}), ...(isIP(hostname) ? {} : { servername: hostname }) } };
}

/**
 * Doubles from 50 ms to a second and adds up to a quarter of jitter, so that many processes do not
 * reconnect at the same moment.
 */
function reconnectAfterMs(attempt: number): number {
  return doubledMs(reconnectBackOff, attempt) * (1 + Math.random() / 4);
}
