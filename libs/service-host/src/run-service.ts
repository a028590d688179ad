import {
  type DynamicModule,
  type INestApplicationContext,
  type LoggerService,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { createLogger, type Logger, LOGGER } from "@sluice/telemetry";
import type { z } from "zod";
import { ConfigurationError, parseConfig } from "./parse-config.ts";

export interface ServiceDefinition<S extends z.ZodObject> {
  readonly name: string;
  readonly config: S;
  /** Builds the root module, which alone receives the configuration. */
  readonly module: (config: z.output<S>) => DynamicModule;
  /** Creates the application; without it, one without an HTTP adapter is created. */
  readonly create?: (
    module: DynamicModule,
    config: z.output<S>,
  ) => Promise<INestApplicationContext>;
  /** Opens the public port, if the service has one. */
  readonly listen?: (app: INestApplicationContext, config: z.output<S>) => Promise<void>;
}

/**
 * Runs a service process: reads the configuration, starts the application, and shuts it down on
 * SIGTERM or SIGINT. A start that fails exits with code 1 and one log line, so that the
 * supervisor starts the process again.
 */
export async function runService<S extends z.ZodObject>(
  definition: ServiceDefinition<S>,
): Promise<void> {
  const logger = createLogger(definition.name, "info");
  try {
    const config = parseConfig(definition.config, process.env);
    const module = definition.module(config);
    const create = definition.create ?? createContext;
    const app = await create(module, config);
    const own: Logger = app.get(LOGGER);
    app.useLogger(nestLoggerOf(own));
    app.enableShutdownHooks();
    await (definition.listen ? definition.listen(app, config) : app.init());
    own.info("started");
  } catch (error) {
    if (error instanceof ConfigurationError) process.stderr.write(`${error.message}\n`);
    else logger.error({ error }, "start failed");
    process.exit(1);
  }
}

/** Silences Nest's start-up lines, which only help to debug Nest itself. */
export const nestOptions = { logger: false, abortOnError: false } as const;

function createContext(module: DynamicModule): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(module, nestOptions);
}

function nestLoggerOf(logger: Logger): LoggerService {
  return {
    log: (message: unknown) => logger.debug({ nest: message }, "nest"),
    warn: (message: unknown) => logger.warn({ nest: message }, "nest"),
    error: (message: unknown) => logger.error({ nest: message }, "nest"),
  };
}
