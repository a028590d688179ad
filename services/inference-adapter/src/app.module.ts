import {
  type DynamicModule,
  Module,
  type OnApplicationShutdown,
  type Provider as NestProvider,
} from "@nestjs/common";
import { topics } from "@sluice/contracts";
import { Declarations, type Protocol } from "@sluice/declarations";
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
import { AnthropicProvider } from "./providers/anthropic/anthropic-provider.ts";
import { OpenAiProvider } from "./providers/openai/openai-provider.ts";
import { ProvidersByProtocol } from "./providers/providers-by-protocol.ts";
import type { ProviderTimeouts } from "./providers/wire/answer-exchange.ts";
import type { ProviderEndpoint } from "./providers/wire/provider-endpoints.ts";
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
      inject: [Declarations, Clock],
      useFactory: (declarations: Declarations, clock: Clock) =>
        providerOf(declarations, timeoutsOf(config), clock),
    },
    {
      provide: ProviderBreakers,
      inject: [Declarations, AdapterMetrics, LOGGER],
      useFactory: (declarations: Declarations, metrics: AdapterMetrics, logger: Logger) =>
        new ProviderBreakers(keyCountsOf(declarations), breakerPolicyOf(config), metrics, logger),
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
          settings,
        });
      },
    },
  ];
}

/** Returns the adapter that calls every declared provider. */
export function providerOf(
  declarations: Declarations,
  timeouts: ProviderTimeouts,
  clock: Clock,
): Provider {
  const protocols = new Map(declarations.providers().map(({ id, protocol }) => [id, protocol]));
  // Of an unknown provider either adapter says that it is not declared.
  return new ProvidersByProtocol((id) => protocols.get(id) ?? "openai", {
    openai: new OpenAiProvider(endpointsOf(declarations, "openai"), timeouts, clock),
    anthropic: new AnthropicProvider(endpointsOf(declarations, "anthropic"), timeouts, clock),
  });
}

function endpointsOf(declarations: Declarations, wanted: Protocol): readonly ProviderEndpoint[] {
  return declarations
    .providers()
    .filter(({ protocol }) => protocol === wanted)
    .map(({ id, baseUrl, keyReferences }) => ({
      id,
      baseUrl,
      keys: keyReferences.map((reference) => declarations.secretOf(reference)),
      models: new Map(
        declarations
          .variants()
          .filter(({ provider }) => provider === id)
          .map(({ model, timeToFirstByteMs: beginMs, dialect }) => [model, { beginMs, dialect }]),
      ),
    }));
}

function keyCountsOf(declarations: Declarations): ReadonlyMap<string, number> {
  return new Map(
    declarations.providers().map(({ id, keyReferences }) => [id, keyReferences.length]),
  );
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
