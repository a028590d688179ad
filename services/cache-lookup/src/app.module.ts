import { type DynamicModule, Module } from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import { Outcomes, RequestStateModule, storedTopics } from "@sluice/request-state";
import { ExactCache, ResponseCacheModule } from "@sluice/response-cache";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { gathering, StageModule } from "@sluice/stage";
import { LOGGER, TelemetryModule } from "@sluice/telemetry";
import { Registry } from "prom-client";
import type { Config } from "./config.ts";
import { CacheFillStage } from "./cache-fill.stage.ts";
import { CacheLookupStage } from "./cache-lookup.stage.ts";
import { LookupMetrics } from "./metrics.ts";

const service = "cache-lookup";
/** A lookup or fill that is given up costs a provider call; here nobody waits for milliseconds. */
const cacheTimeoutMs = 500;
const written = [topics.inferenceMissed, ...storedTopics];

@Module({})
export class AppModule {
  static with(this: void, config: Config): DynamicModule {
    const connection = kafkaConnectionOf(config, service);
    const { topicPrefix: prefix } = connection;
    return {
      module: AppModule,
      imports: [
        TelemetryModule.forService(telemetryOptionsOf(config, service)),
        StageModule.connect({
          useFactory: async () => ({ connection, codecs: await registryCodecs(config, written) }),
        }),
        RequestStateModule.connect({
          redisUrl: config.SLUICE_REDIS_URL,
          redisCa: config.SLUICE_REDIS_TLS_CA_FILE,
          prefix,
          service,
        }),
        ResponseCacheModule.connect({
          redisUrl: config.SLUICE_CACHE_REDIS_URL,
          redisCa: config.SLUICE_CACHE_REDIS_TLS_CA_FILE,
          prefix,
          service,
          commandTimeoutMs: cacheTimeoutMs,
        }),
        StageModule.run(CacheLookupStage, { on: topics.inferenceAdmitted, group: service }),
        StageModule.run(CacheFillStage, {
          on: topics.inferenceResponded,
          group: `${service}.fill`,
          settings: gathering,
        }),
      ],
      providers: [
        { provide: Clock, useClass: SystemClock },
        {
          provide: Declarations,
          useFactory: () => FileDeclarations.read(config.SLUICE_CONFIG, process.env),
        },
        {
          provide: LookupMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new LookupMetrics(registry),
        },
        {
          provide: CacheLookupStage,
          inject: [ExactCache, Declarations, Outcomes, Clock, LookupMetrics, LOGGER],
          useFactory: (...parts: ConstructorParameters<typeof CacheLookupStage>) =>
            new CacheLookupStage(...parts),
        },
        {
          provide: CacheFillStage,
          inject: [ExactCache, LookupMetrics, LOGGER],
          useFactory: (...parts: ConstructorParameters<typeof CacheFillStage>) =>
            new CacheFillStage(...parts),
        },
      ],
    };
  }
}
