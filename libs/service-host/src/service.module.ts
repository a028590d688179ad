import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import type { Topic } from "@sluice/contracts";
import { Declarations, FileDeclarations } from "@sluice/declarations";
import { Clock, SystemClock } from "@sluice/domain";
import type { KafkaProducerOptions, Outgoing } from "@sluice/stage";
import { StageModule } from "@sluice/stage/nest";
import { TelemetryModule } from "@sluice/telemetry";
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
  /** How the service's producer sends; see {@link KafkaProducerOptions} for the defaults. */
  readonly producer?: KafkaProducerOptions;
}

/**
 * Provides what every service needs to all its modules: telemetry and the admin port, the Kafka
 * connection with the stages on it, `Clock`, and `Declarations` if the service reads
 * `SLUICE_CONFIG`.
 */
@Module({})
export class ServiceModule {
  static forRoot({ name, config, writes, producer }: ServiceModuleOptions): DynamicModule {
    const { SLUICE_CONFIG: path } = config;
    const declarations: Provider[] =
      path === undefined
        ? []
        : [
            {
              provide: Declarations,
              useFactory: () => FileDeclarations.read(path, process.env),
            },
          ];
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
      exports: [Clock, ...(path === undefined ? [] : [Declarations])],
    };
  }
}
