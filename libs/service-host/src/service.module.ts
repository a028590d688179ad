import {
  type DynamicModule,
  Module,
  type OnApplicationShutdown,
  Optional,
  type Provider,
} from "@nestjs/common";
import type { Topic } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { ControlDeclarations } from "@sluice/declarations/control";
import { Clock, SystemClock } from "@sluice/domain";
import { type KafkaProducerOptions, KafkaTopicFollower, type Outgoing } from "@sluice/stage";
import { StageModule } from "@sluice/stage/nest";
import { type Logger, LOGGER, TelemetryModule } from "@sluice/telemetry";
import type { z } from "zod";
import type { declarationKeys, platformKeys } from "./config.ts";
import { kafkaConnectionOf } from "./connections.ts";
import { ownTopicsOf } from "./own-topics.ts";
import { registryCodecs } from "./registry-codecs.ts";

type PlatformConfig = z.output<z.ZodObject<typeof platformKeys>>;
type DeclarationConfig = z.output<z.ZodObject<typeof declarationKeys>>;

export interface ServiceModuleOptions {
  /** Names the service in logs and at the broker. */
  readonly name: string;
  readonly config: PlatformConfig & Partial<DeclarationConfig>;
  /** The topics that the service publishes. It does not start unless their schemas are registered. */
  readonly writes: readonly Topic<unknown>[];
  /** Whether `Declarations` is provided. The service then does not start before it has read them completely. */
  readonly readsDeclarations?: boolean;
  /** How the service's producer sends; see {@link KafkaProducerOptions} for the defaults. */
  readonly producer?: KafkaProducerOptions;
}

/**
 * Provides what every service needs to all its modules: telemetry and the admin port, the Kafka
 * connection with the stages on it, `Clock`, and `Declarations` if the service reads them.
 */
@Module({})
export class ServiceModule implements OnApplicationShutdown {
  constructor(@Optional() private readonly declarations?: Declarations) {}

  static forRoot({
    name,
    config,
    writes,
    producer,
    readsDeclarations = false,
  }: ServiceModuleOptions): DynamicModule {
    const declarations: Provider[] = readsDeclarations ? [declarationsOf(config, name)] : [];
    return {
      module: ServiceModule,
      global: true,
      imports: [
        TelemetryModule.forRoot({
          service: name,
          logLevel: config.SLUICE_LOG_LEVEL,
          adminHost: config.SLUICE_ADMIN_HOST,
          adminPort: config.SLUICE_ADMIN_PORT,
          adminNames: config.SLUICE_ADMIN_NAMES,
        }),
        StageModule.forRootAsync({
          inject: [{ token: Declarations, optional: true }],
          useFactory: async (declared?: Declarations) => ({
            ...producer,
            ...(declared && {
              // Asked for each message, because the declarations can change while the service runs.
              alsoTo: (message: Outgoing) => ownTopicsOf(message, declared.tenantsWithTopics()),
            }),
            connection: kafkaConnectionOf(config, name),
            codecs: await registryCodecs(config, writes),
          }),
        }),
      ],
      providers: [{ provide: Clock, useClass: SystemClock }, ...declarations],
      exports: [Clock, ...(readsDeclarations ? [Declarations] : [])],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.declarations instanceof ControlDeclarations) await this.declarations.close();
  }
}

/** The stages start after all providers exist, so that no request is decided without declarations. */
function declarationsOf(config: ServiceModuleOptions["config"], name: string): Provider {
  return {
    provide: Declarations,
    inject: [LOGGER],
    useFactory: async (logger: Logger): Promise<Declarations> => {
      const { SLUICE_CONFIG: path } = config;
      if (path !== undefined) return FileDeclarations.read(path, process.env);
      const follower = new KafkaTopicFollower(kafkaConnectionOf(config, name), logger);
      // The codecs of the stages would be a circle: their producer asks the declarations for topics of tenants.
      const codecs = await registryCodecs(config, []);
      const folder = process.cwd();
      return ControlDeclarations.follow({
        follower,
        codecs,
        logger,
        folder,
        environment: process.env,
      });
    },
  };
}
