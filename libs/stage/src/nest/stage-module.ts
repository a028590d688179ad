import {
  type DynamicModule,
  Inject,
  type InjectionToken,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OptionalFactoryDependency,
  type Provider,
  type Type,
} from "@nestjs/common";
import { ModuleRef } from "@nestjs/core";
import { TopicCodecs } from "@sluice/contracts";
import { LOGGER, Readiness } from "@sluice/telemetry";
import { Registry } from "prom-client";
import { EventProducer } from "../core/event-producer.ts";
import type { KafkaConnection } from "../kafka/kafka-connection.ts";
import { KafkaEventProducer } from "../kafka/produce/kafka-event-producer.ts";
import type { KafkaProducerOptions } from "../kafka/produce/kafka-producer.ts";
import { KafkaTopicOffsets } from "../kafka/kafka-topic-offsets.ts";
import { ConcurrentConsumer, type ConcurrentStageOptions } from "../run/concurrent-consumer.ts";
import type { StageLogger } from "../core/logger.ts";
import type { StageSurroundings } from "../run/run-options.ts";
import { SliceConsumer, type SliceStageOptions } from "../run/slice-consumer.ts";
import { DeadLetterOutcome, ConcurrentStage, SliceStage } from "../core/stage.ts";
import { instanceOf } from "./stage-instance.ts";
import { TopicOffsets } from "../core/topic-offsets.ts";

/** What the stages of a service share. */
export interface StageConnection extends KafkaProducerOptions {
  readonly connection: KafkaConnection;
  readonly codecs: TopicCodecs;
}

/** How {@link StageModule.connect} comes by it. */
export interface StageConnectionSource {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  readonly useFactory: (...parts: never[]) => StageConnection | Promise<StageConnection>;
}

const CONNECTION = Symbol("StageConnection");
const OPTIONS = Symbol("StageRunOptions");

/** Holds the producer of a service and closes it last, when nothing publishes any more. */
@Module({})
class StageConnectionModule implements OnApplicationShutdown {
  constructor(
    @Inject(EventProducer) private readonly producer: KafkaEventProducer,
    @Inject(TopicOffsets) private readonly offsets: KafkaTopicOffsets,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.producer.close();
    await this.offsets.close();
  }
}

const codecsProvider: Provider = {
  provide: TopicCodecs,
  inject: [CONNECTION],
  useFactory: ({ codecs }: StageConnection) => codecs,
};

const producerProvider: Provider = {
  provide: EventProducer,
  inject: [CONNECTION, LOGGER, Registry],
  useFactory: (source: StageConnection, logger: StageLogger, registry: Registry) =>
    new KafkaEventProducer({ ...source, logger, registry }),
};

const offsetsProvider: Provider = {
  provide: TopicOffsets,
  inject: [CONNECTION, LOGGER],
  useFactory: ({ connection }: StageConnection, logger: StageLogger) =>
    new KafkaTopicOffsets(connection, logger),
};

interface RunOptions {
  readonly stage: Type<SliceStage<unknown> | ConcurrentStage<unknown>>;
  readonly options: SliceStageOptions<unknown> & ConcurrentStageOptions<unknown>;
}

/**
 * Runs stages in a Nest application: `connect` once, `run` for each stage. The
 * class of a stage needs not be among the providers; what its constructor asks
 * for is looked up in the whole application, as is `DeadLetterOutcome`. Stages
 * read once the application has started, and stop in `onModuleDestroy`: what
 * they use is to be closed in `onApplicationShutdown`, as the producer is.
 */
@Module({})
export class StageModule implements OnApplicationBootstrap, OnModuleDestroy {
  private consumer: SliceConsumer<unknown> | ConcurrentConsumer<unknown> | undefined;
  private connected = false;

  constructor(
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(OPTIONS) private readonly run: RunOptions,
  ) {}

  /**
   * Provides {@link EventProducer}, {@link TopicOffsets} and `TopicCodecs` everywhere.
   * `TelemetryModule` must be imported too: logger and metrics come from it.
   */
  static connect(source: StageConnection | StageConnectionSource): DynamicModule {
    const given: Provider =
      "useFactory" in source
        ? { provide: CONNECTION, inject: source.inject ?? [], useFactory: source.useFactory }
        : { provide: CONNECTION, useValue: source };
    return {
      module: StageConnectionModule,
      global: true,
      providers: [given, codecsProvider, producerProvider, offsetsProvider],
      exports: [CONNECTION, TopicCodecs, EventProducer, TopicOffsets],
    };
  }

  static run<In>(stage: Type<SliceStage<In>>, options: SliceStageOptions<In>): DynamicModule;
  static run<In>(
    stage: Type<ConcurrentStage<In>>,
    options: ConcurrentStageOptions<In>,
  ): DynamicModule;
  static run(stage: RunOptions["stage"], options: RunOptions["options"]): DynamicModule {
    const run: RunOptions = { stage, options };
    return { module: StageModule, providers: [{ provide: OPTIONS, useValue: run }] };
  }

  async onApplicationBootstrap(): Promise<void> {
    const stage = instanceOf(this.modules, this.run.stage);
    const surroundings = this.surroundings();
    this.consumer =
      stage instanceof SliceStage
        ? new SliceConsumer(stage, surroundings, this.run.options)
        : new ConcurrentConsumer(stage, surroundings, this.run.options);
    this.optional(Readiness)?.add(`stage ${this.run.options.group}`, () => this.connected);
    // Not awaited: a broker that is away makes the service unready, not unable to start.
    // Should the client refuse for good, the rejection ends the process.
    void this.start(this.consumer);
  }

  async onModuleDestroy(): Promise<void> {
    this.connected = false;
    await this.consumer?.stop();
  }

  private async start(consumer: { start(): Promise<void> }): Promise<void> {
    await consumer.start();
    this.connected = true;
  }

  private surroundings(): StageSurroundings {
    const { connection }: StageConnection = this.modules.get(CONNECTION, { strict: false });
    const deadLetterOutcome = this.optional(DeadLetterOutcome);
    const logger = this.optional<StageLogger>(LOGGER);
    const registry = this.optional(Registry);
    return {
      connection,
      codecs: this.modules.get(TopicCodecs, { strict: false }),
      producer: this.modules.get(EventProducer, { strict: false }),
      ...(deadLetterOutcome ? { deadLetterOutcome } : {}),
      ...(logger ? { logger } : {}),
      ...(registry ? { registry } : {}),
    };
  }

  private optional<T>(token: InjectionToken<T>): T | undefined {
    try {
      return this.modules.get<T>(token, { strict: false });
    } catch {
      return undefined;
    }
  }
}
