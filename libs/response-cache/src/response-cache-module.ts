import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { cacheCommandTimeoutMs, connectRedis, type Redis } from "@sluice/redis";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { ExactCache } from "./exact-cache.ts";
import { RedisExactCache } from "./redis-exact-cache.ts";

export interface ResponseCacheConnection {
  readonly redisUrl: string;
  /** For `rediss://`: PEM text of the CA that signs its certificate. */
  readonly redisCa?: string | undefined;
  /** The topic prefix: it keeps installations on one server apart. */
  readonly prefix: string;
  /** Shown by Redis as the name of the connection. */
  readonly service: string;
  /**
   * How long a command may take, in milliseconds; default {@link cacheCommandTimeoutMs}. A stall of
   * our own event loop counts too, so a stage, where milliseconds do not matter, allows more.
   */
  readonly commandTimeoutMs?: number;
}

const CACHE = Symbol("CacheRedis");

/** Provides `ExactCache` on Redis everywhere in a service. Readiness does not depend on it: without it there are only misses. */
@Module({})
export class ResponseCacheModule implements OnApplicationShutdown {
  constructor(@Inject(CACHE) private readonly redis: Redis) {}

  static connect(connection: ResponseCacheConnection): DynamicModule {
    const { redisUrl, redisCa: ca, prefix, service } = connection;
    const { commandTimeoutMs = cacheCommandTimeoutMs } = connection;
    return {
      module: ResponseCacheModule,
      global: true,
      providers: [
        {
          provide: CACHE,
          inject: [LOGGER],
          useFactory: (logger: Logger) =>
            connectRedis(redisUrl, {
              name: `${service}.cache`,
              commandTimeoutMs,
              ca,
              onDown: (error) =>
                logger.warn({ error, code: "REDIS_UNAVAILABLE" }, "no connection to the cache"),
            }),
        },
        {
          provide: ExactCache,
          inject: [CACHE],
          useFactory: (redis: Redis) => new RedisExactCache(redis, prefix),
        },
      ],
      exports: [ExactCache],
    };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
