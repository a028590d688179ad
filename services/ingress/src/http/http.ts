import { isUtf8 } from "node:buffer";
import type { Server } from "node:http";
import { type DynamicModule, type INestApplicationContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { nestOptions } from "@sluice/service-host";
import type { FastifyReply, RawServerDefault } from "fastify";
import type { Config } from "../config.ts";
import { ApiError, pathNotFound } from "./api-error.ts";

/** Creates the HTTP server. It stops reading a body that exceeds the limit. */
export async function createHttp(
  module: DynamicModule,
  config: Config,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: config.SLUICE_HTTP_BODY_MAX_BYTES,
    // Without a time limit, a header or body that never ends would hold a socket indefinitely.
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
    // Fastify refuses a path that cannot be decoded before Nest sees it.
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const error = pathNotFound();
      void reply.status(error.status).send(error.envelope());
    },
  });
  closeAfterLastAnswer(adapter.getInstance().server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, nestOptions);
  takeJsonInUtf8(app, config.SLUICE_HTTP_BODY_MAX_BYTES);
  return app;
}

/** Refuses a body that is not UTF-8. Decoding would replace each wrong byte, so the provider would receive another prompt. */
function takeJsonInUtf8(app: NestFastifyApplication, bodyLimit: number): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser("error", "error");
  app.useBodyParser<RawServerDefault>("application/json", { bodyLimit }, (request, body, done) => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(ApiError.of("invalid_json", "The body is not UTF-8; encode it as UTF-8."));
  });
}

/** Ends kept-alive connections after their answer once the server closes, because it closes only after the last connection. */
function closeAfterLastAnswer(server: Server): void {
  server.on("request", ({ socket }, response) => {
    response.once("finish", () => {
      if (!server.listening) socket.end();
    });
  });
}

export async function listenHttp(app: INestApplicationContext, config: Config): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- createHttp created it
  await (app as NestFastifyApplication).listen(config.SLUICE_HTTP_PORT, config.SLUICE_HTTP_HOST);
}
