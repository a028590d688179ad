import {
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import type { FastifyAdapter } from "@nestjs/platform-fastify";
import { AdminServer } from "@sluice/telemetry";
import { COSTS_OPTIONS, type CostsOptions } from "./costs-token.guard.ts";
import { CostsController } from "./costs.controller.ts";

/** Serves `GET /costs` on the admin port. The application's HTTP adapter opens no port of its own. */
@Module({})
export class CostsModule implements OnModuleInit, OnApplicationBootstrap {
  private readonly ready = Promise.withResolvers<void>();

  constructor(
    private readonly admin: AdminServer,
    private readonly host: HttpAdapterHost<FastifyAdapter>,
  ) {}

  static forRoot(options: CostsOptions): DynamicModule {
    return {
      module: CostsModule,
      controllers: [CostsController],
      providers: [{ provide: COSTS_OPTIONS, useValue: options }],
    };
  }

  /** Registers the path before the admin port opens. A request that comes too early waits. */
  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance();
    this.admin.forward("/costs", (request, response) => {
      void this.ready.promise.then(() => fastify.routing(request, response));
    });
  }

  /** Nest has registered all routes by now, and Fastify accepts none after it is ready. */
  async onApplicationBootstrap(): Promise<void> {
    await this.host.httpAdapter.getInstance().ready();
    this.ready.resolve();
  }
}
