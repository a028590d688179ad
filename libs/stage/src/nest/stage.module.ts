import {
  type DynamicModule,
  type InjectionToken,
  Module,
  type OnApplicationShutdown,
  type OptionalFactoryDependency,
  type Provider,
  type Type,
} from "@nestjs/common";
import { DiscoveryModule } from "@nestjs/core";
import { TopicCodecs } from "@sluice/contracts";
import { LOGGER } from "@sluice/telemetry";
import { EventProducer } from "../core/event-producer.ts";
import type { StageLogger } from "../core/logger.ts";
import { MetricsFactory } from "../core/metrics.ts";
import type { ConcurrentStage, SliceStage } from "../core/stage.ts";
import { TopicOffsets } from "../core/topic-offsets.ts";
import type { KafkaConnection } from "../kafka/kafka-connection.ts";
import { KafkaTopicOffsets } from "../kafka/kafka-topic-offsets.ts";
import {
  KafkaEventProducer,
  type KafkaEventProducerOptions,
} from "../kafka/produce/kafka-event-producer.ts";
import type { KafkaProducerOptions } from "../kafka/produce/kafka-producer.ts";
import type { ConcurrentStageOptions } from "../run/concurrent-consumer.ts";
import type { SliceStageOptions } from "../run/slice-consumer.ts";
import { PrometheusMetrics } from "./prometheus-metrics.ts";
import {
  CONFIGURED_STAGE,
  type ConfiguredStage,
  CONNECTION,
  StageExplorer,
} from "./stage-explorer.ts";

/** The Kafka connection, codecs and producer options that the stages of a service share. */
export interface StageModuleOptions extends KafkaProducerOptions {
  readonly connection: KafkaConnection;
  readonly codecs: TopicCodecs;
  /** As in {@link KafkaEventProducerOptions}. */
  readonly alsoTo?: NonNullable<KafkaEventProducerOptions["alsoTo"]>;
}

export interface StageModuleAsyncOptions {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  readonly useFactory: (...parts: never[]) => StageModuleOptions | Promise<StageModuleOptions>;
}

const OPTIONS = Symbol("StageModuleOptions");

/** Holds the options that `forFeature` adds for one stage. */
@Module({})
class StageFeatureModule {}

/**
 * Runs the providers of an application that are decorated with `@Stage`. Stages read once the
 * application has started and stop in `onModuleDestroy`. Whatever they use must therefore be
 * closed in `onApplicationShutdown`, as the producer is here.
 */
@Module({ imports: [DiscoveryModule] })
export class StageModule implements OnApplicationShutdown {
  constructor(
    private readonly producer: KafkaEventProducer,
    private readonly offsets: KafkaTopicOffsets,
  ) {}

  /**
   * Provides `EventProducer`, `TopicOffsets`, `TopicCodecs` and `MetricsFactory` to all modules.
   * `TelemetryModule` must be imported too, because it provides the logger, the metrics registry
   * and `Readiness`.
   */
  static forRoot(options: StageModuleOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ inject = [], useFactory }: StageModuleAsyncOptions): DynamicModule {
    return {
      module: StageModule,
      global: true,
      providers: [{ provide: OPTIONS, inject, useFactory }, ...providers],
      exports: [TopicCodecs, EventProducer, TopicOffsets, MetricsFactory, CONNECTION],
    };
  }

  /** Adds options that depend on the configuration to those of the stage's decorator. */
  static forFeature<In>(
    stage: Type<SliceStage<In>>,
    options: Partial<SliceStageOptions<In>>,
  ): DynamicModule;
  static forFeature<In>(
    stage: Type<ConcurrentStage<In>>,
    options: Partial<ConcurrentStageOptions<In>>,
  ): DynamicModule;
  static forFeature(
    stage: ConfiguredStage["stage"],
    options: ConfiguredStage["options"],
  ): DynamicModule {
    const configured: ConfiguredStage = { stage, options };
    return {
      module: StageFeatureModule,
      providers: [{ provide: CONFIGURED_STAGE, useValue: configured }],
    };
  }

  /**
   * Provides a producer under a token of its own. What it publishes shares no queue, connection or
   * request with other messages of the service, so that these can neither delay it nor fill its queue.
   * It is closed with the application.
   */
  static producer(token: InjectionToken, options: KafkaProducerOptions = {}): Provider {
    return {
      provide: token,
      inject: [CONNECTION, TopicCodecs, LOGGER, MetricsFactory],
      useFactory: (
        connection: KafkaConnection,
        codecs: TopicCodecs,
        logger: StageLogger,
        metrics: MetricsFactory,
      ) => new FurtherProducer({ ...options, connection, codecs, logger, metrics }),
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.producer.close();
    await this.offsets.close();
  }
}

/** Is closed by Nest, which knows no module that owns it. */
class FurtherProducer extends KafkaEventProducer implements OnApplicationShutdown {
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }
}

const providers: readonly Provider[] = [
  StageExplorer,
  { provide: MetricsFactory, useClass: PrometheusMetrics },
  {
    provide: CONNECTION,
    inject: [OPTIONS],
    useFactory: ({ connection }: StageModuleOptions) => connection,
  },
  {
    provide: TopicCodecs,
    inject: [OPTIONS],
    useFactory: ({ codecs }: StageModuleOptions) => codecs,
  },
  {
    provide: KafkaEventProducer,
    inject: [OPTIONS, LOGGER, MetricsFactory],
    useFactory: (options: StageModuleOptions, logger: StageLogger, metrics: MetricsFactory) =>
      new KafkaEventProducer({ ...options, logger, metrics }),
  },
  { provide: EventProducer, useExisting: KafkaEventProducer },
  {
    provide: KafkaTopicOffsets,
    inject: [CONNECTION, LOGGER],
    useFactory: (connection: KafkaConnection, logger: StageLogger) =>
      new KafkaTopicOffsets(connection, logger),
  },
  { provide: TopicOffsets, useExisting: KafkaTopicOffsets },
];
