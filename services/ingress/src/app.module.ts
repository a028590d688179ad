import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { APP_FILTER } from "@nestjs/core";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import {
  Admissions,
  Outcomes,
  RequestStateModule,
  Replies,
  storedTopics,
} from "@sluice/request-state";
import { ExactCache, ResponseCacheModule } from "@sluice/response-cache";
import { cacheConnectionOf, ServiceModule, stateConnectionOf } from "@sluice/service-host";
import { EventProducer } from "@sluice/stage";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { Registry } from "prom-client";
import { AnswerWait } from "./http/answer-wait.ts";
import { ApiErrorFilter } from "./http/api-error.filter.ts";
import { Authentication } from "./http/authentication.ts";
import { ChatController } from "./http/chat.controller.ts";
import { Chat } from "./admission/chat.ts";
import type { Config } from "./config.ts";
import { EmbeddingsController } from "./http/embeddings.controller.ts";
import { RequestHandler } from "./http/request-handler.ts";
import { HitFinder } from "./admission/hit-finder.ts";
import { IntakeStage } from "./intake/intake.stage.ts";
import { ApiKeys } from "./admission/api-keys.ts";
import { IngressMetrics } from "./metrics.ts";
import { ModelsController } from "./http/models.controller.ts";
import { ConcurrencyLimit } from "./http/concurrency-limit.ts";

const name = "ingress";

@Module({})
export class AppModule {
  static forRoot(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ServiceModule.forRoot({
          name,
          config,
          writes: storedTopics,
          producer: {
            sendTimeoutMs: config.SLUICE_HTTP_PUBLISH_TIMEOUT_MS,
            // Sends requests in waves that later stages see as one. Singly, each request would cost
            // every stage a fetch and a send. The first request after a pause is sent at once.
            pace: { leastMs: 20, mostMs: 60 },
          },
        }),
        RequestStateModule.forRoot({ ...stateConnectionOf(config, name), followsReplies: true }),
        ResponseCacheModule.forRoot({
          ...cacheConnectionOf(config, name),
          commandTimeoutMs: config.SLUICE_HTTP_CACHE_TIMEOUT_MS,
        }),
      ],
      controllers: [ChatController, EmbeddingsController, ModelsController],
      providers: [
        ...foundation,
        {
          provide: ConcurrencyLimit,
          inject: [IngressMetrics],
          useFactory: (metrics: IngressMetrics) =>
            new ConcurrencyLimit(config.SLUICE_HTTP_WAITING_MAX, metrics),
        },
        ...edge,
        IntakeStage,
      ],
    };
  }
}

const foundation: readonly Provider[] = [
  {
    provide: IngressMetrics,
    inject: [Registry],
    useFactory: (registry: Registry) => new IngressMetrics(registry),
  },
  {
    provide: ApiKeys,
    inject: [Declarations],
    useFactory: (declarations: Declarations) => new ApiKeys(declarations),
  },
];

const edge: readonly Provider[] = [
  {
    provide: APP_FILTER,
    inject: [LOGGER, IngressMetrics],
    useFactory: (logger: Logger, metrics: IngressMetrics) => new ApiErrorFilter(logger, metrics),
  },
  {
    provide: Authentication,
    inject: [ApiKeys],
    useFactory: (keys: ApiKeys) => new Authentication(keys),
  },
  {
    provide: HitFinder,
    inject: [ExactCache, Declarations, Clock, IngressMetrics],
    useFactory: (...parts: ConstructorParameters<typeof HitFinder>) => new HitFinder(...parts),
  },
  {
    provide: AnswerWait,
    inject: [Replies, Clock],
    useFactory: (replies: Replies, clock: Clock) => new AnswerWait(replies, clock),
  },
  {
    provide: Chat,
    inject: [
      Declarations,
      Admissions,
      Outcomes,
      HitFinder,
      EventProducer,
      Clock,
      Replies,
      IngressMetrics,
    ],
    useFactory: (...parts: ConstructorParameters<typeof Chat>) => new Chat(...parts),
  },
  RequestHandler,
];
