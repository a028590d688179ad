import { type DynamicModule, Module } from "@nestjs/common";
import { Budgets, GrantAllBudgets } from "@sluice/budgets";
import { topics } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import { Outcomes, RequestStateModule, storedTopics } from "@sluice/request-state";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { StageModule } from "@sluice/stage";
import { TelemetryModule } from "@sluice/telemetry";
import { Registry } from "prom-client";
import type { Config } from "./config.ts";
import { DispatchStage } from "./dispatch.stage.ts";
import { DispatcherMetrics } from "./metrics.ts";

const service = "dispatcher";
const written = [topics.inferenceDispatchedRealtime, ...storedTopics];

@Module({})
export class AppModule {
  static with(this: void, config: Config): DynamicModule {
    const connection = kafkaConnectionOf(config, service);
    return {
      module: AppModule,
      imports: [
        TelemetryModule.forService(telemetryOptionsOf(config, service)),
        RequestStateModule.connect({
          redisUrl: config.SLUICE_REDIS_URL,
          redisCa: config.SLUICE_REDIS_TLS_CA_FILE,
          prefix: connection.topicPrefix,
          service,
        }),
        StageModule.connect({
          useFactory: async () => ({ connection, codecs: await registryCodecs(config, written) }),
        }),
        StageModule.run(DispatchStage, { on: topics.inferenceClassified, group: service }),
      ],
      providers: [
        { provide: Clock, useClass: SystemClock },
        { provide: Budgets, useClass: GrantAllBudgets },
        {
          provide: Declarations,
          useFactory: () => FileDeclarations.read(config.SLUICE_CONFIG, process.env),
        },
        {
          provide: DispatcherMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new DispatcherMetrics(registry),
        },
        {
          provide: DispatchStage,
          inject: [Declarations, Budgets, Outcomes, Clock, DispatcherMetrics],
          useFactory: (...parts: ConstructorParameters<typeof DispatchStage>) =>
            new DispatchStage(...parts),
        },
      ],
    };
  }
}
