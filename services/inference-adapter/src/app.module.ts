import {
  type DynamicModule,
  Module,
  type OnApplicationShutdown,
  type Provider as NestProvider,
} from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { Declarations, perVersion } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import { Attempts, RequestStateModule, storedTopics } from "@sluice/request-state";
import { ServiceModule, stateConnectionOf } from "@sluice/service-host";
import type { EventProducer } from "@sluice/stage";
import { StageModule } from "@sluice/stage/nest";
import { type Logger, LOGGER } from "@sluice/telemetry";
import { AttemptRunner } from "./attempt/attempt.ts";
import { AttemptStage } from "./attempt/attempt.stage.ts";
import type { AdapterConfig } from "./config.ts";
import { AdapterMetrics } from "./metrics.ts";
import { BytePairTokenCounter, TokenCounter } from "@sluice/tokens";
import { type Built, DeclaredProvider } from "./providers/declared-provider.ts";
import {
  endpointsOf,
  fingerprintOf,
  keyCountOf,
  providerOf,
} from "./providers/declared-endpoints.ts";
import type { ProviderTimeouts } from "./providers/wire/answer-exchange.ts";
import { Provider } from "./providers/provider.ts";
import { ProviderBreakers } from "./providers/provider-breakers.ts";

const name = "inference-adapter";
const writes = [
  topics.inferenceAttempted,
  topics.inferenceResponded,
  topics.costMetered,
  ...storedTopics,
];
const liveRenewMs = 1_000;
const breakerOpenMsMax = 15_000;

/**
 * Calls wait for their intents, which therefore have a producer of their own and never queue behind
 * results.
 */
const INTENTS = Symbol("producer of intents");

/** Wires the adapter. Only this module receives the configuration. */
@Module({})
export class AppModule implements OnApplicationShutdown {
  constructor(private readonly provider: Provider) {}

  static forRoot(this: void, config: AdapterConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ServiceModule.forRoot({
          name,
          config,
          readsDeclarations: true,
          writes,
          // Clients receive their answers from the request's record, so that results may be gathered before
          // they are published.
          producer: { pace: { leastMs: 25, mostMs: 60 } },
        }),
        RequestStateModule.forRoot(stateConnectionOf(config, name)),
        StageModule.forFeature(AttemptStage, {
          concurrency: config.SLUICE_ADAPTER_CONCURRENCY,
          inHandMax: config.SLUICE_ADAPTER_IN_HAND,
          drainMs: config.SLUICE_ADAPTER_DRAIN_MS,
        }),
      ],
      providers: [AdapterMetrics, AttemptStage, ...partsOf(config)],
    };
  }

  /** Runs after the stages have stopped, when every call that still runs was given up. */
  onApplicationShutdown(): void {
    this.provider.close();
  }
}

function partsOf(config: AdapterConfig): NestProvider[] {
  return [
    { provide: TokenCounter, useFactory: () => BytePairTokenCounter.load() },
    {
      provide: Provider,
      inject: [Declarations, Clock, LOGGER],
      useFactory: (declarations: Declarations, clock: Clock, logger: Logger) =>
        declaredProviderOf(declarations, timeoutsOf(config), clock, logger),
    },
    {
      provide: ProviderBreakers,
      inject: [Declarations, AdapterMetrics, LOGGER],
      useFactory: (declarations: Declarations, metrics: AdapterMetrics, logger: Logger) =>
        new ProviderBreakers(keyCountOf(declarations), breakerPolicyOf(config), metrics, logger),
    },
    StageModule.producer(INTENTS),
    {
      provide: AttemptRunner,
      inject: [
        Attempts,
        INTENTS,
        Provider,
        ProviderBreakers,
        TokenCounter,
        Clock,
        AdapterMetrics,
        Declarations,
      ],
      useFactory: (
        attempts: Attempts,
        producer: EventProducer,
        provider: Provider,
        breakers: ProviderBreakers,
        counter: TokenCounter,
        clock: Clock,
        metrics: AdapterMetrics,
        declarations: Declarations,
      ) => {
        const settings = { leaseMs: config.SLUICE_ADAPTER_LEASE_MS, liveRenewMs };
        return new AttemptRunner({
          attempts,
          producer,
          provider,
          breakers,
          counter,
          clock,
          metrics,
          hidesReasoning: ({ variant }) => declarations.variantOf(variant)?.hidesReasoning ?? false,
          version: () => declarations.version(),
          settings,
        });
      },
    },
  ];
}

/** Returns the adapter that calls every provider as it is declared at the time of the call. */
function declaredProviderOf(
  declarations: Declarations,
  timeouts: ProviderTimeouts,
  clock: Clock,
  logger: Logger,
): DeclaredProvider {
  const build = perVersion(declarations, (): Built => {
    const endpoints = endpointsOf(declarations);
    return {
      fingerprint: fingerprintOf(endpoints),
      open: () => providerOf(endpoints, timeouts, clock),
    };
  });
  return new DeclaredProvider(build, logger);
}

function timeoutsOf(config: AdapterConfig): ProviderTimeouts {
  return {
    connectMs: config.SLUICE_ADAPTER_CONNECT_TIMEOUT_MS,
    beginMs: config.SLUICE_ADAPTER_FIRST_BYTE_TIMEOUT_MS,
    silenceMs: config.SLUICE_ADAPTER_SILENCE_TIMEOUT_MS,
  };
}

function breakerPolicyOf(config: AdapterConfig): ConstructorParameters<typeof ProviderBreakers>[1] {
  return {
    failuresMax: config.SLUICE_ADAPTER_BREAKER_FAILURES,
    openMs: config.SLUICE_ADAPTER_BREAKER_OPEN_MS,
    openMsMax: breakerOpenMsMax,
  };
}
