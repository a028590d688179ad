import { type DynamicModule, Module } from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { ServiceModule } from "@sluice/service-host";
import { ClassificationStage } from "./classification.stage.ts";
import type { Config } from "./config.ts";
import { ClassifierMetrics } from "./metrics.ts";

/** Wires the classifier. Only this module receives the configuration. */
@Module({})
export class AppModule {
  static forRoot(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ServiceModule.forRoot({
          name: "classifier",
          config,
          writes: [topics.inferenceClassified],
        }),
      ],
      providers: [ClassifierMetrics, ClassificationStage],
    };
  }
}
