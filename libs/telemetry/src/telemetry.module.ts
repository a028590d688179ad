import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from "@nestjs/common";
import { collectDefaultMetrics, Registry } from "prom-client";
import { hostNamesIn } from "./admin-host.ts";
import { AdminServer } from "./admin-server.ts";
import { createLogger, type LogLevel } from "./logger.ts";
import { exposeReadiness } from "./readiness-metric.ts";
import { Readiness } from "./readiness.ts";
import { exposeStoreMemory, StoreMemory } from "./store-memory.ts";

export interface TelemetryOptions {
  readonly service: string;
  readonly logLevel: LogLevel;
  readonly adminHost: string;
  readonly adminPort: number;
  /** Host names of the admin port, separated by commas, in addition to its addresses. */
  readonly adminNames?: string;
}

/** Injection token of the service's pino logger. */
export const LOGGER = Symbol("Logger");
const OPTIONS = Symbol("TelemetryOptions");

/**
 * Provides the logger, the metrics registry, readiness and the admin server of a service to all
 * its modules. The admin port opens after all modules have initialised: probes that they add
 * in `onModuleInit` or before count from the first answer.
 */
@Module({})
export class TelemetryModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly admin: AdminServer,
    @Inject(OPTIONS) private readonly options: TelemetryOptions,
    readiness: Readiness,
    memory: StoreMemory,
    registry: Registry,
  ) {
    exposeReadiness(readiness, registry);
    exposeStoreMemory(memory, registry);
  }

  static forRoot(options: TelemetryOptions): DynamicModule {
    return {
      module: TelemetryModule,
      global: true,
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: LOGGER, useFactory: () => createLogger(options.service, options.logLevel) },
        { provide: Registry, useFactory: newRegistry },
        Readiness,
        StoreMemory,
        AdminServer,
      ],
      exports: [LOGGER, Registry, Readiness, StoreMemory, AdminServer],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    const { adminPort, adminHost, adminNames = "" } = this.options;
    await this.admin.listen(adminPort, adminHost, hostNamesIn(adminNames));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.admin.close();
  }
}

function newRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
