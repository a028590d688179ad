import type { DynamicModule } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { nestOptions } from "@sluice/service-host";

/** Answers GET /costs until the admin port closes, which is later than Fastify stops. */
const whileStopping = { return503OnClosing: false };

/** Creates the application with an HTTP adapter for its controllers; `CostsModule` gives it requests. */
export function createHttp(module: DynamicModule): Promise<NestFastifyApplication> {
  return NestFactory.create<NestFastifyApplication>(
    module,
    new FastifyAdapter(whileStopping),
    nestOptions,
  );
}
