import {
  Inject,
  Injectable,
  type InjectionToken,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from "@nestjs/common";
import { DiscoveryService } from "@nestjs/core";
import { TopicCodecs } from "@sluice/contracts";
import { assert } from "@sluice/domain";
import { LOGGER, Readiness } from "@sluice/telemetry";
import { EventProducer } from "../core/event-producer.ts";
import type { StageLogger } from "../core/logger.ts";
import { MetricsFactory } from "../core/metrics.ts";
import { ConcurrentStage, DeadLetterOutcome, SliceStage } from "../core/stage.ts";
import type { KafkaConnection } from "../kafka/kafka-connection.ts";
import { ConcurrentConsumer } from "../run/concurrent-consumer.ts";
import type { StageSurroundings } from "../run/run-options.ts";
import { SliceConsumer } from "../run/slice-consumer.ts";
import { type AnyStage, type AnyStageOptions, StageMetadata } from "./stage.decorator.ts";

/** Injection token of the Kafka connection that the stages of a service share. */
export const CONNECTION = Symbol("KafkaConnection");
/** Injection token of a {@link ConfiguredStage}; an application may provide several. */
export const CONFIGURED_STAGE = Symbol("ConfiguredStage");

/** The options of one stage that depend on the service's configuration. */
export interface ConfiguredStage {
  readonly stage: Type<AnyStage>;
  readonly options: Partial<AnyStageOptions>;
}

interface Running {
  readonly consumer: SliceConsumer<unknown> | ConcurrentConsumer<unknown>;
  /** True from the start of the consumer until its stop. */
  connected: boolean;
}

/**
 * Finds the providers that are stages and runs them from the start of the application until
 * `onModuleDestroy`. Readiness reports each as `stage <group>`.
 */
@Injectable()
export class StageExplorer implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly running: Running[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly codecs: TopicCodecs,
    private readonly producer: EventProducer,
    private readonly metrics: MetricsFactory,
    private readonly readiness: Readiness,
    @Inject(CONNECTION) private readonly connection: KafkaConnection,
    @Inject(LOGGER) private readonly logger: StageLogger,
  ) {}

  /** Adds the probes before any port is open, so that a service without its stages is never ready. */
  onModuleInit(): void {
    const surroundings = this.surroundings();
    for (const stage of this.stages()) {
      const options = this.optionsOf(stage);
      const consumer =
        stage instanceof SliceStage
          ? new SliceConsumer(stage, surroundings, options)
          : new ConcurrentConsumer(stage, surroundings, options);
      const running: Running = { consumer, connected: false };
      this.running.push(running);
      this.readiness.add(
        `stage ${options.group}`,
        () => running.connected && running.consumer.isAssigned,
      );
    }
  }

  onApplicationBootstrap(): void {
    // Not awaited: an unavailable broker makes the service unready, but must not keep it from
    // starting. If the client refuses for good, the rejection ends the process.
    for (const running of this.running) void this.start(running);
  }

  async onModuleDestroy(): Promise<void> {
    for (const running of this.running) running.connected = false;
    const stopped = await Promise.allSettled(this.running.map(({ consumer }) => consumer.stop()));
    // One stage that cannot stop must not end the wait for the others, whose producer closes after this.
    for (const each of stopped)
      if (each.status === "rejected")
        this.logger.error({ error: each.reason }, "a stage did not stop");
  }

  private async start(running: Running): Promise<void> {
    await running.consumer.start();
    running.connected = true;
  }

  private stages(): ReadonlySet<AnyStage> {
    const instances = this.discovery.getProviders().map(({ instance }): unknown => instance);
    return new Set(
      instances.filter((each) => each instanceof SliceStage || each instanceof ConcurrentStage),
    );
  }

  /** @throws Defect for a stage without decorator, which would otherwise never run */
  private optionsOf(stage: AnyStage): AnyStageOptions {
    const type = stage.constructor;
    const declared: AnyStageOptions | undefined = Reflect.getMetadata(StageMetadata.KEY, type);
    assert(
      declared !== undefined,
      "STAGE_DEFECT",
      `${type.name} has no topic: decorate the class with @Stage({ on, group }).`,
    );
    const configured = this.provided<ConfiguredStage>(CONFIGURED_STAGE)
      .filter((each) => each.stage === type)
      .map(({ options }) => options);
    return Object.assign({}, declared, ...configured);
  }

  private surroundings(): StageSurroundings {
    const { connection, codecs, producer, logger, metrics } = this;
    const [deadLetterOutcome] = this.provided<DeadLetterOutcome>(DeadLetterOutcome);
    return {
      connection,
      codecs,
      producer,
      logger,
      metrics,
      ...(deadLetterOutcome ? { deadLetterOutcome } : {}),
    };
  }

  /** Returns what all modules of the application provide for a token. */
  private provided<T>(token: InjectionToken<T>): readonly T[] {
    return this.discovery
      .getProviders()
      .filter((wrapper) => wrapper.token === token)
      .map(({ instance }): T => instance);
  }
}
