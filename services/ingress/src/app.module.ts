import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { APP_FILTER } from "@nestjs/core";
import { BudgetsModule } from "@sluice/budgets";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import { RequestStateModule, storedTopics } from "@sluice/request-state";
import { ExactCache, ResponseCacheModule } from "@sluice/response-cache";
import { cacheConnectionOf, ServiceModule, stateConnectionOf } from "@sluice/service-host";
import type { KafkaProducerOptions } from "@sluice/stage";
import { StageModule } from "@sluice/stage/nest";
import { ApiKeys } from "./admission/api-keys.ts";
import { HitFinder } from "./admission/hit-finder.ts";
import { SharedAnswers } from "./admission/shared-answers.ts";
import type { Config } from "./config.ts";
import { AnswerWait } from "./http/answers/answer-wait.ts";
import { ClientReadings } from "./http/answers/client-reading.ts";
import { ApiErrorFilter } from "./http/api-error.filter.ts";
import { BudgetsController } from "./http/budgets.controller.ts";
import { ChatController } from "./http/chat.controller.ts";
import { ArrivalQueue } from "./http/connection/arrival-queue.ts";
import { MemoryBudget } from "./http/connection/memory-budget.ts";
import { OpenConnections } from "./http/connection/open-connections.ts";
import { EmbeddingsController } from "./http/embeddings.controller.ts";
import { ADMISSION_PRODUCER, HttpAdmission } from "./http/http-admission.ts";
import { ModelsController } from "./http/models.controller.ts";
import { RequestHandler } from "./http/request-handler.ts";
import { WaitingPlaces } from "./http/waiting-places.ts";
import { IN_FLIGHT_MAX, IntakeStage } from "./intake/intake.stage.ts";
import { RequestLimits } from "./limits/request-limits.ts";
import { INSTALLATION, installationOf } from "./installation.ts";
import { IngressMetrics } from "./metrics.ts";

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
          readsDeclarations: true,
          writes: storedTopics,
          producer: sendsOf(config),
        }),
        RequestStateModule.forRoot({ ...stateConnectionOf(config, name), followsReplies: true }),
        BudgetsModule.forRoot(stateConnectionOf(config, name)),
        ResponseCacheModule.forRoot({
          ...cacheConnectionOf(config, name),
          // Longer than the two waits of a read, which decide when it is late.
          commandTimeoutMs: 4 * config.SLUICE_HTTP_CACHE_TIMEOUT_MS,
        }),
      ],
      controllers,
      providers: [
        StageModule.producer(ADMISSION_PRODUCER, sendsOf(config)),
        ...httpProviders(config),
        { provide: IN_FLIGHT_MAX, useValue: config.SLUICE_INTAKE_IN_FLIGHT_MAX },
        IntakeStage,
      ],
    };
  }
}

export const controllers = [
  BudgetsController,
  ChatController,
  EmbeddingsController,
  ModelsController,
];

/**
 * Sends requests in waves that later stages see as one. Singly, each request would cost every stage
 * a fetch and a send. The first request after a pause is sent at once.
 */
function sendsOf(config: Config): KafkaProducerOptions {
  return {
    sendTimeoutMs: config.SLUICE_HTTP_PUBLISH_TIMEOUT_MS,
    pace: { leastMs: 20, mostMs: 60 },
  };
}

/** Returns what serves HTTP, on the ports of the modules above. */
export function httpProviders(config: Config): readonly Provider[] {
  return [
    { provide: INSTALLATION, useValue: installationOf(config) },
    IngressMetrics,
    ApiKeys,
    {
      provide: WaitingPlaces,
      inject: [Declarations, IngressMetrics],
      useFactory: (declarations: Declarations, metrics: IngressMetrics) =>
        new WaitingPlaces(
          config.SLUICE_HTTP_WAITING_MAX,
          (tenant) => declarations.weightOf(tenant),
          metrics,
        ),
    },
    {
      provide: MemoryBudget,
      inject: [IngressMetrics],
      useFactory: (metrics: IngressMetrics) =>
        new MemoryBudget(config.SLUICE_HTTP_MEMORY_MAX_BYTES, metrics),
    },
    {
      provide: ArrivalQueue,
      inject: [IngressMetrics],
      useFactory: (metrics: IngressMetrics) => new ArrivalQueue(metrics),
    },
    {
      provide: ClientReadings,
      inject: [MemoryBudget, Clock],
      useFactory: (memory: MemoryBudget, clock: Clock) =>
        new ClientReadings(memory, clock, config.SLUICE_HTTP_IDLE_TIMEOUT_MS),
    },
    { provide: APP_FILTER, useClass: ApiErrorFilter },
    OpenConnections,
    {
      provide: HitFinder,
      inject: [ExactCache, Declarations, Clock, IngressMetrics],
      useFactory: (
        cache: ExactCache,
        declarations: Declarations,
        clock: Clock,
        metrics: IngressMetrics,
      ) => new HitFinder(cache, declarations, clock, metrics, config.SLUICE_HTTP_CACHE_TIMEOUT_MS),
    },
    RequestLimits,
    SharedAnswers,
    AnswerWait,
    HttpAdmission,
    RequestHandler,
  ];
}
