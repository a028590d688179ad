import {
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Provider,
} from "@nestjs/common";
import { BudgetRebuild, BudgetsModule, Settlements } from "@sluice/budgets";
import { topics } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import { ServiceModule, stateConnectionOf } from "@sluice/service-host";
import { EventProducer, TopicOffsets } from "@sluice/stage";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { BudgetHistory } from "./budgets/budget-history.ts";
import { BudgetRebuilder } from "./budgets/rebuilder.ts";
import { ATTRIBUTION_TRUST, type AttributionTrust } from "./charge/attribution-check.ts";
import { ChargeStage, chargingGroup } from "./charge/charge.stage.ts";
import { OwnedPartitions } from "./charge/owned-partitions.ts";
import type { Config } from "./config.ts";
import { CostsModule } from "./costs/http/costs.module.ts";
import { LedgerModule } from "./ledger/ledger.module.ts";
import { Ledger } from "./ledger/ledger.ts";
import { AccountantMetrics } from "./metrics.ts";
import { intentsGroup, IntentStage } from "./sweep/intent.stage.ts";
import { Sweeper } from "./sweep/sweeper.ts";

const name = "cost-accountant";

/** Wires the accountant. Only this module receives the configuration. */
@Module({})
export class AppModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly sweeper: Sweeper,
    private readonly rebuilder: BudgetRebuilder,
  ) {}

  static forRoot(this: void, config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ServiceModule.forRoot({
          name,
          config,
          readsDeclarations: true,
          writes: [topics.costCharged, topics.costMetered],
        }),
        LedgerModule.forRoot({
          url: config.SLUICE_LEDGER_URL,
          topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
        }),
        BudgetsModule.forRoot(stateConnectionOf(config, name)),
        CostsModule.forRoot({ token: config.SLUICE_COSTS_TOKEN }),
      ],
      providers: [
        { provide: ATTRIBUTION_TRUST, useValue: trustOf(config) },
        AccountantMetrics,
        OwnedPartitions,
        ChargeStage,
        IntentStage,
        sweeperProvider(config),
        rebuilderProvider,
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.sweeper.start();
    this.rebuilder.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.rebuilder.stop();
    await this.sweeper.stop();
  }
}

function trustOf(config: Config): AttributionTrust {
  return {
    secret: config.SLUICE_ATTRIBUTION_SECRET,
    previousSecrets: config.SLUICE_ATTRIBUTION_SECRET_PREVIOUS,
    unsignedUntil: config.SLUICE_ATTRIBUTION_UNSIGNED_UNTIL ?? null,
  };
}

const sweeperProvider = (config: Config): Provider => ({
  provide: Sweeper,
  inject: [
    Ledger,
    TopicOffsets,
    EventProducer,
    Clock,
    OwnedPartitions,
    AccountantMetrics,
    ATTRIBUTION_TRUST,
    LOGGER,
  ],
  useFactory: (
    ledger: Ledger,
    offsets: TopicOffsets,
    producer: EventProducer,
    clock: Clock,
    owned: OwnedPartitions,
    metrics: AccountantMetrics,
    trust: AttributionTrust,
    logger: Logger,
  ) =>
    new Sweeper({
      ledger,
      offsets,
      producer,
      clock,
      owned,
      metrics,
      trust,
      logger,
      chargingGroup,
      graceMs: config.SLUICE_SWEEP_GRACE_SECONDS * 1_000,
      intervalMs: config.SLUICE_SWEEP_INTERVAL_SECONDS * 1_000,
    }),
});

/** How often the state of each tenant's budgets is read, in milliseconds. After a loss, requests wait for this long and for the rebuild. */
const rebuildIntervalMs = 500;

const rebuilderProvider: Provider = {
  provide: BudgetRebuilder,
  inject: [
    Declarations,
    BudgetRebuild,
    Settlements,
    BudgetHistory,
    TopicOffsets,
    Clock,
    AccountantMetrics,
    LOGGER,
  ],
  useFactory: (
    declarations: Declarations,
    rebuild: BudgetRebuild,
    settlements: Settlements,
    history: BudgetHistory,
    offsets: TopicOffsets,
    clock: Clock,
    metrics: AccountantMetrics,
    logger: Logger,
  ) =>
    new BudgetRebuilder({
      declarations,
      rebuild,
      settlements,
      history,
      offsets,
      clock,
      metrics,
      logger,
      intentsGroup,
      intervalMs: rebuildIntervalMs,
    }),
};
