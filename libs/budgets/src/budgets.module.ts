import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { connectRedis, isRedisReady, type Redis, stateCommandTimeoutMs } from "@sluice/redis";
import { type Logger, LOGGER, Readiness } from "@sluice/telemetry";
import { Allowances, BudgetRebuild, Budgets, Settlements } from "./budgets.ts";
import { RedisBudgets } from "./redis/redis-budgets.ts";

export interface BudgetsOptions {
  readonly redisUrl: string;
  /** For `rediss://`: PEM text of the CA that signs its certificate. */
  readonly redisCa?: string | undefined;
  /** The topic prefix, which separates installations on one server. */
  readonly prefix: string;
  /** The name of the connection that Redis shows. */
  readonly service: string;
}

const CONNECTION = Symbol("BudgetsRedis");
const ports = [Budgets, Settlements, BudgetRebuild, Allowances];

/** Provides the ports of the budgets on Redis to all modules. */
@Module({})
export class BudgetsModule implements OnApplicationShutdown {
  constructor(@Inject(CONNECTION) private readonly redis: Redis) {}

  static forRoot({ redisUrl, redisCa: ca, prefix, service }: BudgetsOptions): DynamicModule {
    return {
      module: BudgetsModule,
      global: true,
      providers: [
        {
          provide: CONNECTION,
          inject: [LOGGER, Readiness],
          useFactory: (logger: Logger, readiness: Readiness) => {
            const name = `${service}-budgets`;
            const redis = connectRedis(redisUrl, {
              name,
              commandTimeoutMs: stateCommandTimeoutMs,
              ca,
              onDown: (error) =>
                logger.warn(
                  { error, code: "REDIS_UNAVAILABLE" },
                  "Redis, which has the budgets, is not connected; reconnecting",
                ),
            });
            readiness.add("budgets", () => isRedisReady(redis));
            return redis;
          },
        },
        {
          provide: RedisBudgets,
          inject: [CONNECTION],
          useFactory: (redis: Redis) => new RedisBudgets(redis, prefix),
        },
        ...ports.map((provide) => ({ provide, useExisting: RedisBudgets })),
      ],
      exports: ports,
    };
  }

  /** Closes the connection after the stages have stopped, when nothing reads or writes any more. */
  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
