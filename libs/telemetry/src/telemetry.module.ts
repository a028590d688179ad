import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from "@nestjs/common";
import { collectDefaultMetrics, Registry } from "prom-client";
import { AdminServer } from "./admin-server.ts";
import { createLogger, type LogLevel } from "./logger.ts";
import { exposeReadiness } from "./readiness-metric.ts";
import { Readiness } from "./readiness.ts";

export interface TelemetryOptions {
  readonly service: string;
  readonly logLevel: LogLevel;
  readonly adminHost: string;
  readonly adminPort: number;
}

/** Injection token of the service's pino logger. */
export const LOGGER = Symbol("Logger");
const OPTIONS = Symbol("TelemetryOptions");

/** Logger, metrics registry, readiness and the admin port of a service; available everywhere in it. */
@Module({})
export class TelemetryModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #admin: AdminServer;
  readonly #options: TelemetryOptions;

  constructor(@Inject(AdminServer) admin: AdminServer, @Inject(OPTIONS) options: TelemetryOptions) {
    this.#admin = admin;
    this.#options = options;
  }

  static forService(options: TelemetryOptions): DynamicModule {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const readiness = new Readiness();
    exposeReadiness(readiness, registry);
    return {
      module: TelemetryModule,
      global: true,
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: LOGGER, useFactory: () => createLogger(options.service, options.logLevel) },
        { provide: Registry, useValue: registry },
        { provide: Readiness, useValue: readiness },
        { provide: AdminServer, useFactory: () => new AdminServer(readiness, registry) },
      ],
      exports: [LOGGER, Registry, Readiness, AdminServer],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#admin.listen(this.#options.adminPort, this.#options.adminHost);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#admin.close();
  }
}
