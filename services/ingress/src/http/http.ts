import { isUtf8 } from "node:buffer";
import type { Server } from "node:http";
import { type DynamicModule, type INestApplicationContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { nestOptions } from "@sluice/service-host";
import type { FastifyReply, RawServerDefault } from "fastify";
import { badRequest, noSuchPath } from "./api-error.ts";
import type { Config } from "../config.ts";

/** The edge's HTTP server; longer bodies are cut off while they are read. */
export async function createHttp(
  module: DynamicModule,
  config: Config,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: config.SLUICE_HTTP_BODY_MAX_BYTES,
    // A header or body that never ends must not hold a socket for ever.
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
    // A path that cannot be decoded never reaches Nest.
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const error = noSuchPath();
      void reply.status(error.status).send(error.envelope());
    },
  });
  closeAfterLastAnswer(adapter.getInstance().server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, nestOptions);
  takeJsonInUtf8(app, config.SLUICE_HTTP_BODY_MAX_BYTES);
  return app;
}

/** Decoding alone would put a replacement character for each wrong byte: another prompt than was sent. */
function takeJsonInUtf8(app: NestFastifyApplication, bodyLimit: number): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser("error", "error");
  app.useBodyParser<RawServerDefault>("application/json", { bodyLimit }, (request, body, done) => {
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(badRequest("invalid_json", "The body is not in UTF-8; encode it so.", null));
  });
}

/** A connection that is kept alive after its answer would hold a server that is closing for as long. */
function closeAfterLastAnswer(server: Server): void {
  server.on("request", ({ socket }, response) => {
    response.once("finish", () => {
      if (!server.listening) socket.end();
    });
  });
}

export async function listenHttp(app: INestApplicationContext, config: Config): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by createHttp
  await (app as NestFastifyApplication).listen(config.SLUICE_HTTP_PORT, config.SLUICE_HTTP_HOST);
}
