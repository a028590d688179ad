import { type DynamicModule, Module } from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { StageModule } from "@sluice/stage";
import { TelemetryModule } from "@sluice/telemetry";
import { Registry } from "prom-client";
import { ClassificationStage } from "./classification.stage.ts";
import type { Config } from "./config.ts";
import { ClassifierMetrics } from "./metrics.ts";

/** The wiring of the classifier, and the only place that is given its configuration. */
@Module({})
export class AppModule {
  static with(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        TelemetryModule.forService(telemetryOptionsOf(config, "classifier")),
        StageModule.connect({
          useFactory: async () => ({
            connection: kafkaConnectionOf(config, "classifier"),
            codecs: await registryCodecs(config, [topics.inferenceClassified]),
          }),
        }),
        StageModule.run(ClassificationStage, { on: topics.inferenceMissed, group: "classifier" }),
      ],
      providers: [
        {
          provide: ClassifierMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new ClassifierMetrics(registry),
        },
        {
          provide: ClassificationStage,
          inject: [ClassifierMetrics],
          useFactory: (metrics: ClassifierMetrics) => new ClassificationStage(metrics),
        },
      ],
    };
  }
}
