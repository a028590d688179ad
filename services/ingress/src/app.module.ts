import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { APP_FILTER, APP_GUARD } from "@nestjs/core";
import { topics } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import { RequestStateModule, storedTopics } from "@sluice/request-state";
import { ResponseCacheModule } from "@sluice/response-cache";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { StageModule } from "@sluice/stage";
import { TelemetryModule } from "@sluice/telemetry";
import { ApiKeys } from "./admission/api-keys.ts";
import { HitFinder } from "./admission/hit-finder.ts";
import type { Config } from "./config.ts";
import { AnswerWait } from "./http/answers/answer-wait.ts";
import { ApiErrorFilter } from "./http/api-error.filter.ts";
import { ApiKeyGuard } from "./http/api-key.guard.ts";
import { ChatController } from "./http/chat.controller.ts";
import { ConcurrencyLimit } from "./http/concurrency-limit.ts";
import { EmbeddingsController } from "./http/embeddings.controller.ts";
import { HttpAdmission } from "./http/http-admission.ts";
import { ModelsController } from "./http/models.controller.ts";
import { RequestHandler } from "./http/request-handler.ts";
import { IntakeStage } from "./intake/intake.stage.ts";
import { IngressMetrics } from "./metrics.ts";

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
  IngressMetrics,
  ApiKeys,
];

const edge: readonly Provider[] = [
  { provide: APP_FILTER, useClass: ApiErrorFilter },
  { provide: APP_GUARD, useClass: ApiKeyGuard },
  HitFinder,
  AnswerWait,
  HttpAdmission,
  RequestHandler,
];

const intake: Provider = IntakeStage;
