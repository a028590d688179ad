import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { APP_FILTER } from "@nestjs/core";
import { topics } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import {
  Admissions,
  Outcomes,
  RequestStateModule,
  Replies,
  storedTopics,
} from "@sluice/request-state";
import { ExactCache, ResponseCacheModule } from "@sluice/response-cache";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { EventProducer, StageModule } from "@sluice/stage";
import { type Logger, LOGGER, TelemetryModule } from "@sluice/telemetry";
import { Registry } from "prom-client";
import { AnswerWait } from "./http/answers/answer-wait.ts";
import { ApiErrorFilter } from "./http/api-error.filter.ts";
import { Authentication } from "./http/api-key.guard.ts";
import { ChatController } from "./http/chat.controller.ts";
import { Chat } from "./http/http-admission.ts";
import type { Config } from "./config.ts";
import { EmbeddingsController } from "./http/embeddings.controller.ts";
import { RequestHandler } from "./http/request-handler.ts";
import { HitFinder } from "./admission/hit-finder.ts";
import { IntakeStage } from "./intake/intake.stage.ts";
import { ApiKeys } from "./admission/api-keys.ts";
import { IngressMetrics } from "./metrics.ts";
import { ModelsController } from "./http/models.controller.ts";
import { ConcurrencyLimit } from "./http/concurrency-limit.ts";

const service = "ingress";
/** Longer records are not even decoded, and so not declined: what their topic takes, unpacked. */
const foreignBytesMax = 2 * 1_024 * 1_024;

@Module({})
export class AppModule {
  static with(this: void, config: Config): DynamicModule {
    const connection = kafkaConnectionOf(config, service);
    return {
      module: AppModule,
      imports: [
        TelemetryModule.forService(telemetryOptionsOf(config, service)),
        StageModule.connect({
          useFactory: async () => ({
            connection,
            codecs: await registryCodecs(config, storedTopics),
            sendTimeoutMs: config.SLUICE_HTTP_PUBLISH_TIMEOUT_MS,
            // Waves, that all stages behind see as one: each request would cost every one of them a fetch and a
            // send. The first after a pause leaves at once.
            pace: { leastMs: 20, mostMs: 60 },
          }),
        }),
        RequestStateModule.connect({
          redisUrl: config.SLUICE_REDIS_URL,
          redisCa: config.SLUICE_REDIS_TLS_CA_FILE,
          prefix: connection.topicPrefix,
          service,
          followsReplies: true,
        }),
        ResponseCacheModule.connect({
          redisUrl: config.SLUICE_CACHE_REDIS_URL,
          redisCa: config.SLUICE_CACHE_REDIS_TLS_CA_FILE,
          prefix: connection.topicPrefix,
          service,
          commandTimeoutMs: config.SLUICE_HTTP_CACHE_TIMEOUT_MS,
        }),
        StageModule.run(IntakeStage, {
          on: topics.inferenceRequested,
          group: `${service}.intake`,
          unknownSchemas: "dead-letter",
          valueBytesMax: foreignBytesMax,
        }),
      ],
      controllers: [ChatController, EmbeddingsController, ModelsController],
      providers: [
        ...foundation,
        {
          provide: Declarations,
          useFactory: () => FileDeclarations.read(config.SLUICE_CONFIG, process.env),
        },
        {
          provide: ConcurrencyLimit,
          inject: [IngressMetrics],
          useFactory: (metrics: IngressMetrics) =>
            new ConcurrencyLimit(config.SLUICE_HTTP_WAITING_MAX, metrics),
        },
        ...edge,
        intake,
      ],
    };
  }
}

const foundation: readonly Provider[] = [
  { provide: Clock, useClass: SystemClock },
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

const intake: Provider = {
  provide: IntakeStage,
  inject: [ApiKeys, Declarations, Admissions, Outcomes, Clock, IngressMetrics],
  useFactory: (...parts: ConstructorParameters<typeof IntakeStage>) => new IntakeStage(...parts),
};
