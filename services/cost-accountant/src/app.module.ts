import {
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Provider,
} from "@nestjs/common";
import { Budgets, GrantAllBudgets } from "@sluice/budgets";
import { topics } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import { ServiceModule } from "@sluice/service-host";
import { EventProducer, TopicOffsets } from "@sluice/stage";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { ChargeStage, chargingGroup } from "./charge/charge.stage.ts";
import { OwnedPartitions } from "./charge/owned-partitions.ts";
import type { Config } from "./config.ts";
import { CostsModule } from "./costs/http/costs.module.ts";
import { LedgerModule } from "./ledger/ledger.module.ts";
import { Ledger } from "./ledger/ledger.ts";
import { AccountantMetrics } from "./metrics.ts";
import { IntentStage } from "./sweep/intent.stage.ts";
import { Sweeper } from "./sweep/sweeper.ts";

/** Wires the accountant. Only this module receives the configuration. */
@Module({})
export class AppModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly sweeper: Sweeper) {}

  static forRoot(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ServiceModule.forRoot({
          name: "cost-accountant",
          config,
          writes: [topics.costCharged, topics.costMetered],
        }),
        LedgerModule.forRoot({
          url: config.SLUICE_LEDGER_URL,
          topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
        }),
        CostsModule.forRoot({ token: config.SLUICE_COSTS_TOKEN }),
      ],
      providers: [
        { provide: Budgets, useClass: GrantAllBudgets },
        AccountantMetrics,
        OwnedPartitions,
        ChargeStage,
        IntentStage,
        sweeperProvider(config),
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.sweeper.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweeper.stop();
  }
}

const sweeperProvider = (config: Config): Provider => ({
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
      chargingGroup,
      graceMs: config.SLUICE_SWEEP_GRACE_SECONDS * 1_000,
      intervalMs: config.SLUICE_SWEEP_INTERVAL_SECONDS * 1_000,
    }),
});
