import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { ApiKeys } from "../../admission/api-keys.ts";
import type { Config } from "../../config.ts";
import { IngressMetrics } from "../../metrics.ts";
import {
  type ApiError,
  hostMissing,
  pathNotFound,
  pipelined,
  stopping,
  transferEncodingUnsupported,
} from "../api-error.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import { originHeadersOf, preflightHeadersOf } from "./cross-origin.ts";
import { answerEarly, refuse } from "./refused-body.ts";
import type { ServedPaths } from "./served-paths.ts";

export type ArriveListener = (
  ...args: [...Parameters<RequestListener>, handle: RequestListener]
) => void;

/** Lets requests wait before any work is done for them, so that a refusal costs a tenth of an answer. */
export function arriveListenerOf(
  app: NestFastifyApplication,
  server: Server,
  config: Config,
  paths: ServedPaths,
): ArriveListener {
  const arrivals = app.get(ArrivalQueue, { strict: false });
  const keys = app.get(ApiKeys, { strict: false });
  const { decisions } = app.get(IngressMetrics, { strict: false });
  const origins = new Set(config.SLUICE_HTTP_CORS_ORIGINS);
  return (request, response, handle) => {
    if (origins.size > 0) {
      const headers = originHeadersOf(request.headers, origins);
      for (const header of Object.entries(headers)) response.setHeader(...header);
    }
    const refuseWith = (error: ApiError) => void refuse(request, response, error);
    const countAndRefuse = (error: ApiError) => {
      decisions.inc({ decision: "refuse", reason: error.code });
      refuseWith(error);
    };
    const error = formErrorOf(request, response);
    if (error) {
      countAndRefuse(error);
      return;
    }
    if (request.method === "OPTIONS") {
      const methods = paths.methodsOf(request.url ?? "");
      if (methods.length === 0) countAndRefuse(pathNotFound());
      else void answerOptions(request, response, methods, origins);
      return;
    }
    arrivals.arrive({
      isGone: () => (response.closed || response.destroyed) && !response.headersSent,
      begin() {
        // It was refused while it waited, because its body was not HTTP or did not arrive in time.
        if (response.headersSent) return;
        if (server.listening) handle(request, response);
        else countAndRefuse(stopping());
      },
      hasKey: () => keys.authenticate(request.headers.authorization) !== undefined,
      refuse: refuseWith,
    });
  };
}

/** Returns the error for a request that Node accepts and that is not in a form that this edge can answer. */
function formErrorOf(
  { headers, httpVersion, rawHeaders }: IncomingMessage,
  response: ServerResponse,
): ApiError | undefined {
  // It would take a place, and write no answer while it waits, so Node would read one after the other.
  if (response.socket === null) return pipelined();
  const hosts = countOf(rawHeaders, "host");
  if (hosts > 1 || (hosts === 0 && httpVersion === "1.1")) return hostMissing();
  const { "transfer-encoding": coding } = headers;
  // Node removes the chunks only. What another coding has made of the body would be read as JSON.
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    return transferEncodingUnsupported();
  return undefined;
}

/** Returns how often a header was sent. Node keeps only the first of some, of which two can be an attack on a proxy. */
function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const each = rawHeaders[index]!;
    if (each.length === name.length && each.toLowerCase() === name) count += 1;
  }
  return count;
}

/**
 * Answers OPTIONS, also a browser's preflight, which never has a key. It never waits, because it costs no more than
 * a refusal.
 */
async function answerOptions(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
  origins: ReadonlySet<string>,
): Promise<void> {
  const headers = {
    allow: methods.join(", "),
    ...preflightHeadersOf(request.headers, methods, origins),
  };
  await answerEarly(request, response, { status: 204, headers });
}
