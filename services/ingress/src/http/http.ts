import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type DynamicModule, type INestApplicationContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { nestOptions } from "@sluice/service-host";
import type { FastifyReply } from "fastify";
import type { Config } from "../config.ts";
import { IngressMetrics } from "../metrics.ts";
import { pathNotFound } from "./api-error.ts";
import { type ArriveListener, arriveListenerOf } from "./connection/arrival-listener.ts";
import { checkBeforeBody, takeJsonInUtf8 } from "./connection/incoming.ts";
import { MalformedRequests } from "./connection/malformed.ts";
import { refuse } from "./connection/refused-body.ts";
import { ServedPaths } from "./connection/served-paths.ts";

/** In milliseconds. Without a time limit, a header or body that arrives byte by byte would hold a socket indefinitely. */
const connectionOptions = {
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 75_000,
  // Node's own answer to a request without this header has no envelope.
  requireHostHeader: false,
};

/** Is longer than a path can be, because Fastify would refuse a longer name of a model before any hook. */
const maxParamLength = 16_384;

/** Creates the HTTP server. It reads no body before the client is authenticated, and none beyond the limit. */
export async function createHttp(
  module: DynamicModule,
  config: Config,
): Promise<NestFastifyApplication> {
  let arrive: ArriveListener | undefined;
  const malformed = new MalformedRequests();
  const adapter = new FastifyAdapter({
    bodyLimit: config.SLUICE_HTTP_BODY_MAX_BYTES,
    serverFactory: (handle: RequestListener) =>
      createServer(connectionOptions, (request, response) => {
        malformed.begin(request, response);
        arrive?.(request, response, handle);
      }),
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength },
    // Fastify refuses a path that cannot be decoded before Nest sees it.
    frameworkErrors: (_error: unknown, { raw }: { raw: IncomingMessage }, reply: FastifyReply) => {
      void refuse(raw, reply.hijack().raw, pathNotFound());
    },
    clientErrorHandler: (error, socket) => malformed.answer(error, socket),
  });
  const { server } = adapter.getInstance();
  closeAfterLastAnswer(server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    ...nestOptions,
    bodyParser: false,
  });
  const metrics = app.get(IngressMetrics, { strict: false });
  const paths = ServedPaths.of(app);
  arrive = arriveListenerOf(app, server, config, paths);
  malformed.watch(server, metrics);
  limitConnections(server, config, metrics);
  checkBeforeBody(app, config, paths);
  takeJsonInUtf8(app, config.SLUICE_HTTP_BODY_MAX_BYTES);
  return app;
}

/** Closes connections beyond the limit at once. Each one has buffers, whether it sends something or not. */
function limitConnections(server: Server, config: Config, { decisions }: IngressMetrics): void {
  server.maxConnections = config.SLUICE_HTTP_CONNECTIONS_MAX;
  server.on("drop", () => decisions.inc({ decision: "shed", reason: "connections" }));
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
