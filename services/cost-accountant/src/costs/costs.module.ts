import { Module, type OnModuleInit } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import type { FastifyAdapter } from "@nestjs/platform-fastify";
import { AdminServer } from "@sluice/telemetry";
import { CostsController } from "./costs.controller.ts";

/** Serves `GET /costs` on the admin port. The application's HTTP adapter opens no port of its own. */
@Module({ controllers: [CostsController] })
export class CostsModule implements OnModuleInit {
  constructor(
    private readonly admin: AdminServer,
    private readonly host: HttpAdapterHost<FastifyAdapter>,
  ) {}

  /** Nest registers all routes before the admin port opens, so the first request finds them. */
  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance();
    this.admin.forward("/costs", (request, response) => {
      void fastify.ready().then(() => fastify.routing(request, response));
    });
  }
}
