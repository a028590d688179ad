import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { cacheCommandTimeoutMs, connectRedis, readRedisMemory, type Redis } from "@sluice/redis";
import { type Logger, LOGGER, StoreMemory } from "@sluice/telemetry";
import { ExactCache } from "./exact-cache.ts";
import { Flights } from "./flights/flights.ts";
import { RedisFlights } from "./flights/redis-flights.ts";
import { RedisExactCache } from "./redis-exact-cache.ts";

export interface ResponseCacheOptions {
  readonly redisUrl: string;
  /** For `rediss://`: PEM text of the CA that signs its certificate. */
  readonly redisCa?: string | undefined;
  /** The topic prefix, which separates installations on one server. */
  readonly prefix: string;
  /** The name of the connection that Redis shows. */
  readonly service: string;
  /**
   * How long a command may take, in milliseconds; default {@link cacheCommandTimeoutMs}. A stall of
   * our own event loop counts too, so a stage, where milliseconds do not matter, allows more.
   */
  readonly commandTimeoutMs?: number;
}

const CACHE = Symbol("CacheRedis");

/**
 * Provides `ExactCache` and `Flights` on Redis to all modules. Readiness does not depend on the cache, because
 * without it every lookup is a miss.
 */
@Module({})
export class ResponseCacheModule implements OnApplicationShutdown {
  constructor(@Inject(CACHE) private readonly redis: Redis) {}

  static forRoot(options: ResponseCacheOptions): DynamicModule {
    const { redisUrl, redisCa: ca, prefix, service } = options;
    const { commandTimeoutMs = cacheCommandTimeoutMs } = options;
    return {
      module: ResponseCacheModule,
      global: true,
      providers: [
        {
          provide: CACHE,
          inject: [LOGGER, StoreMemory],
          useFactory: (logger: Logger, memory: StoreMemory) => {
            const redis = connectRedis(redisUrl, {
              name: `${service}.cache`,
              commandTimeoutMs,
              ca,
              onDown: (error) =>
                logger.warn(
                  { error, code: "REDIS_UNAVAILABLE" },
                  "the response cache is not connected; reconnecting",
                ),
            });
            memory.add("cache-redis", () => readRedisMemory(redis));
            return redis;
          },
        },
        {
          provide: ExactCache,
          inject: [CACHE],
          useFactory: (redis: Redis) => new RedisExactCache(redis, prefix),
        },
        {
          provide: Flights,
          inject: [CACHE],
          useFactory: (redis: Redis) => new RedisFlights(redis, prefix),
        },
      ],
      exports: [ExactCache, Flights],
    };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
