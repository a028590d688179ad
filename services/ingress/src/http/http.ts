import { createServer, type RequestListener, type Server } from "node:http";
import { type DynamicModule, type INestApplicationContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { nestOptions } from "@sluice/service-host";
import type { FastifyReply } from "fastify";
import { ApiKeys } from "../admission/api-keys.ts";
import type { Config } from "../config.ts";
import { IngressMetrics } from "../metrics.ts";
import { type ApiError, pathNotFound, pipelined, stopping } from "./api-error.ts";
import { ArrivalQueue } from "./connection/arrival-queue.ts";
import { checkBeforeBody, takeJsonInUtf8 } from "./connection/incoming.ts";
import { answerMalformed } from "./connection/malformed.ts";
import { refuse } from "./connection/refused-body.ts";

/** In milliseconds. Without a time limit, a header or body that arrives byte by byte would hold a socket indefinitely. */
const connectionTimes = {
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 75_000,
};

/** Creates the HTTP server. It reads no body before the client is authenticated, and none beyond the limit. */
export async function createHttp(
  module: DynamicModule,
  config: Config,
): Promise<NestFastifyApplication> {
  let arrive: ArriveListener | undefined;
  const adapter = new FastifyAdapter({
    bodyLimit: config.SLUICE_HTTP_BODY_MAX_BYTES,
    serverFactory: (handle: RequestListener) =>
      createServer(connectionTimes, (request, response) => arrive?.(request, response, handle)),
    forceCloseConnections: "idle",
    // Fastify refuses a path that cannot be decoded before Nest sees it.
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const error = pathNotFound();
      void reply.status(error.status).send(error.envelope());
    },
    clientErrorHandler: answerMalformed,
  });
  const { server } = adapter.getInstance();
  closeAfterLastAnswer(server);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    ...nestOptions,
    bodyParser: false,
  });
  arrive = arriveListenerOf(app, server);
  limitConnections(server, config, app.get(IngressMetrics, { strict: false }));
  checkBeforeBody(app, config);
  takeJsonInUtf8(app, config.SLUICE_HTTP_BODY_MAX_BYTES);
  return app;
}

type ArriveListener = (...args: [...Parameters<RequestListener>, handle: RequestListener]) => void;

/** Lets requests wait before any work is done for them, so that a refusal costs a tenth of an answer. */
function arriveListenerOf(app: NestFastifyApplication, server: Server): ArriveListener {
  const arrivals = app.get(ArrivalQueue, { strict: false });
  const keys = app.get(ApiKeys, { strict: false });
  const { decisions } = app.get(IngressMetrics, { strict: false });
  return (request, response, handle) => {
    const refuseWith = (error: ApiError) => void refuse(request, response, error);
    const countAndRefuse = (error: ApiError) => {
      decisions.inc({ decision: "refuse", reason: error.code });
      refuseWith(error);
    };
    // It would take a place, and write no answer while it waits, so Node would read one after the other.
    if (response.socket === null) {
      countAndRefuse(pipelined());
      return;
    }
    arrivals.arrive({
      isGone: () => response.closed || response.destroyed,
      begin() {
        if (server.listening) handle(request, response);
        else countAndRefuse(stopping());
      },
      hasKey: () => keys.authenticate(request.headers.authorization) !== undefined,
      refuse: refuseWith,
    });
  };
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
