import { type DynamicModule, Module } from "@nestjs/common";
import { BudgetsModule } from "@sluice/budgets";
import { topics } from "@sluice/contracts";
import { RequestStateModule, storedTopics } from "@sluice/request-state";
import { ServiceModule, stateConnectionOf } from "@sluice/service-host";
import { BytePairTokenCounter } from "@sluice/tokens";
import type { Config } from "./config.ts";
import { DispatchStage, TOKEN_COUNTERS } from "./dispatch.stage.ts";
import { DispatcherMetrics } from "./metrics.ts";

const name = "dispatcher";

/** Wires the dispatcher. Only this module receives the configuration. */
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
          writes: [topics.inferenceDispatchedRealtime, ...storedTopics],
        }),
        RequestStateModule.forRoot(stateConnectionOf(config, name)),
        BudgetsModule.forRoot(stateConnectionOf(config, name)),
      ],
      providers: [
        {
          provide: TOKEN_COUNTERS,
          useFactory: () =>
            Promise.all([BytePairTokenCounter.load("o200k"), BytePairTokenCounter.load("cl100k")]),
        },
        DispatcherMetrics,
        DispatchStage,
      ],
    };
  }
}
