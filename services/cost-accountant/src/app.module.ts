import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from "@nestjs/common";
import { Budgets, GrantAllBudgets } from "@sluice/budgets";
import { topics } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import { kafkaConnectionOf, registryCodecs, telemetryOptionsOf } from "@sluice/service-host";
import { EventProducer, gathering, StageModule, TopicOffsets } from "@sluice/stage";
import { type Logger, LOGGER, TelemetryModule } from "@sluice/telemetry";
import { Registry } from "prom-client";
import { ChargeStage } from "./charge/charge.stage.ts";
import type { Config } from "./config.ts";
import { CostsRoute } from "./costs/costs-route.ts";
import { IntentStage } from "./sweep/intent.stage.ts";
import { LedgerModule } from "./ledger/ledger.module.ts";
import { AccountantMetrics } from "./metrics.ts";
import { OwnedPartitions } from "./charge/owned-partitions.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Sweeper } from "./sweep/sweeper.ts";

const service = "cost-accountant";

/** The only wiring, and the only place that is given the configuration. */
@Module({})
export class AppModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #sweeper: Sweeper;

  constructor(@Inject(Sweeper) sweeper: Sweeper) {
    this.#sweeper = sweeper;
  }

  static with(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        TelemetryModule.forService(telemetryOptionsOf(config, service)),
        LedgerModule.connect(config.SLUICE_LEDGER_URL, config.SLUICE_KAFKA_TOPIC_PREFIX),
        StageModule.connect({
          useFactory: async () => ({
            connection: kafkaConnectionOf(config, service),
            codecs: await registryCodecs(config, [topics.costCharged, topics.costMetered]),
          }),
        }),
        StageModule.run(ChargeStage, {
          on: topics.costMetered,
          group: service,
          sliceMax: 1_000,
          settings: gathering,
        }),
        StageModule.run(IntentStage, {
          on: topics.inferenceAttempted,
          group: `${service}.intents`,
          sliceMax: 1_000,
          settings: gathering,
        }),
      ],
      providers: [
        OwnedPartitions,
        CostsRoute,
        { provide: Clock, useClass: SystemClock },
        { provide: Budgets, useClass: GrantAllBudgets },
        {
          provide: Declarations,
          useFactory: () => FileDeclarations.read(config.SLUICE_CONFIG, process.env),
        },
        {
          provide: AccountantMetrics,
          inject: [Registry],
          useFactory: (registry: Registry) => new AccountantMetrics(registry),
        },
        sweeperProvider(config),
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.#sweeper.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#sweeper.stop();
  }
}

const sweeperProvider = (config: Config) => ({
  provide: Sweeper,
  inject: [Ledger, TopicOffsets, EventProducer, Clock, OwnedPartitions, AccountantMetrics, LOGGER],
  useFactory: (
    ledger: Ledger,
    offsets: TopicOffsets,
    producer: EventProducer,
    clock: Clock,
    owned: OwnedPartitions,
    metrics: AccountantMetrics,
    logger: Logger,
  ) =>
    new Sweeper({
      ledger,
      offsets,
      producer,
      clock,
      owned,
      metrics,
      logger,
      chargingGroup: service,
      graceMs: config.SLUICE_SWEEP_GRACE_SECONDS * 1_000,
      intervalMs: config.SLUICE_SWEEP_INTERVAL_SECONDS * 1_000,
    }),
});
