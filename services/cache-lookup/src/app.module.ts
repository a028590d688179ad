import { type DynamicModule, Module } from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { RequestStateModule, storedTopics } from "@sluice/request-state";
import { ResponseCacheModule } from "@sluice/response-cache";
import { cacheConnectionOf, ServiceModule, stateConnectionOf } from "@sluice/service-host";
import type { Config } from "./config.ts";
import { CacheFillStage } from "./cache-fill.stage.ts";
import { CacheLookupStage } from "./cache-lookup.stage.ts";
import { LookupMetrics } from "./metrics.ts";

const name = "cache-lookup";
/** Giving up a lookup or a fill costs a provider call, and no client waits for this stage's milliseconds. */
const cacheTimeoutMs = 500;

/** Wires cache-lookup. Only this module receives the configuration. */
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
          writes: [topics.inferenceMissed, ...storedTopics],
        }),
        RequestStateModule.forRoot(stateConnectionOf(config, name)),
        ResponseCacheModule.forRoot({
          ...cacheConnectionOf(config, name),
          commandTimeoutMs: cacheTimeoutMs,
        }),
      ],
      providers: [LookupMetrics, CacheLookupStage, CacheFillStage],
    };
  }
}
