import type { Server } from "node:http";
import { Injectable, type OnModuleDestroy } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";

/** Is longer than waiting clients may wait for their answer, so that they receive their 503 first. */
const openMs = 5_000;
const checkMs = 250;

/**
 * Closes the connections that are still open some time after the process began to stop. The server
 * closes only when the last connection has ended, and a client that neither sends nor reads would
 * keep it open until the supervisor kills the process.
 */
@Injectable()
export class OpenConnections implements OnModuleDestroy {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleDestroy(): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Fastify on HTTP/1.1 has it
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    if (!server) return;
    const stopAt = performance.now() + openMs;
    const closing = setInterval(() => {
      // Until the port is closed, new connections can still arrive.
      if (performance.now() >= stopAt) server.closeAllConnections();
    }, checkMs).unref();
    server.once("close", () => clearInterval(closing));
  }
}
