import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from "@nestjs/common";
import { TopicCodecs } from "@sluice/contracts";
import {
  connectRedis,
  connectSubscriber,
  isRedisReady,
  readRedisMemory,
  type Redis,
  stateCommandTimeoutMs,
} from "@sluice/redis";
import { DeadLetterOutcome } from "@sluice/stage";
import { type Logger, LOGGER, Readiness, StoreMemory } from "@sluice/telemetry";
import { OutcomeDeadLetters } from "./outcome-dead-letters.ts";
import { Admissions, Attempts, Outcomes, Replies } from "./ports.ts";
import { RateLimits } from "./rate-limits/rate-limits.ts";
import { RedisRateLimits } from "./rate-limits/redis-rate-limits.ts";
import { RedisAdmissions } from "./redis/redis-admissions.ts";
import { RedisAttempts } from "./redis/redis-attempts.ts";
import { RedisOutcomes } from "./redis/redis-outcomes.ts";
import { RedisReplies } from "./redis/redis-replies.ts";
import { RedisRequests } from "./redis/redis-requests.ts";

export interface RequestStateOptions {
  readonly redisUrl: string;
  /** For `rediss://`: PEM text of the CA that signs its certificate. */
  readonly redisCa?: string | undefined;
  /** The topic prefix, which separates installations on one server. */
  readonly prefix: string;
  /** The name of the connection that Redis shows. */
  readonly service: string;
  /** Whether this service waits for answers. It then opens one more connection. */
  readonly followsReplies?: boolean;
}

const STATE = Symbol("StateRedis");
const SUBSCRIBER = Symbol("SubscriberRedis");

/**
 * Provides the ports of a request's state on Redis to all modules. Needs `TopicCodecs`, which
 * `StageModule` provides.
 */
@Module({})
export class RequestStateModule implements OnApplicationShutdown {
  constructor(
    @Inject(STATE) private readonly state: Redis,
    @Inject(SUBSCRIBER) private readonly subscriber: Redis | null,
  ) {}

  static forRoot(options: RequestStateOptions): DynamicModule {
    const { redisUrl, redisCa: ca, prefix, service, followsReplies = false } = options;
    const settings = { name: service, commandTimeoutMs: stateCommandTimeoutMs, ca };
    const providers: Provider[] = [
      {
        provide: STATE,
        inject: [LOGGER, Readiness, StoreMemory],
        useFactory: (logger: Logger, readiness: Readiness, memory: StoreMemory) => {
          const redis = connectRedis(redisUrl, { ...settings, onDown: onDown(logger) });
          readiness.add("redis", () => isRedisReady(redis));
          memory.add("redis", () => readRedisMemory(redis));
          return redis;
        },
      },
      {
        provide: SUBSCRIBER,
        inject: [LOGGER],
        useFactory: (logger: Logger) =>
          followsReplies
            ? connectSubscriber(redisUrl, { ...settings, onDown: onDown(logger) })
            : null,
      },
      {
        provide: RedisRequests,
        inject: [STATE, TopicCodecs],
        useFactory: (redis: Redis, codecs: TopicCodecs) => new RedisRequests(redis, codecs, prefix),
      },
      onRequests(Admissions, RedisAdmissions),
      onRequests(Attempts, RedisAttempts),
      onRequests(Outcomes, RedisOutcomes),
      onRequests(RateLimits, RedisRateLimits),
      {
        provide: DeadLetterOutcome,
        inject: [Outcomes, Attempts],
        useFactory: (outcomes: Outcomes, attempts: Attempts) =>
          new OutcomeDeadLetters(outcomes, attempts),
      },
      ...(followsReplies ? [repliesProvider] : []),
    ];
    const ports = [Admissions, Attempts, Outcomes, RateLimits, DeadLetterOutcome];
    return {
      module: RequestStateModule,
      global: true,
      providers,
      exports: followsReplies ? [...ports, Replies] : ports,
    };
  }

  /** Closes the connections after the stages have stopped, when nothing reads or writes any more. */
  onApplicationShutdown(): void {
    this.subscriber?.disconnect();
    this.state.disconnect();
  }
}

function onRequests<Port>(
  port: abstract new () => Port,
  Adapter: new (requests: RedisRequests) => Port,
): Provider {
  return {
    provide: port,
    inject: [RedisRequests],
    useFactory: (requests: RedisRequests) => new Adapter(requests),
  };
}

const repliesProvider: Provider = {
  provide: Replies,
  inject: [RedisRequests, SUBSCRIBER],
  useFactory: (requests: RedisRequests, subscriber: Redis) =>
    new RedisReplies(requests, subscriber),
};

function onDown(logger: Logger): (error: Error) => void {
  return (error) =>
    logger.warn({ error, code: "REDIS_UNAVAILABLE" }, "Redis is not connected; reconnecting");
}
