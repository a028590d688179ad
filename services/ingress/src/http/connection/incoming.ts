import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import type { ApiKey } from "@sluice/declarations";
import type { FastifyRequest } from "fastify";
import { ApiKeys } from "../../admission/api-keys.ts";
import type { Config } from "../../config.ts";
import { IngressMetrics } from "../../metrics.ts";
import {
  ApiError,
  bodyTooLarge,
  memoryFull,
  methodNotAllowed,
  pathNotFound,
  requestTimeout,
  unauthenticated,
} from "../api-error.ts";
import { mediaTypeErrorOf, type Packing, packingOf } from "./media-type.ts";
import { type HeldBytes, MemoryBudget } from "./memory-budget.ts";
import { sendRefusal } from "./refused-body.ts";
import type { ServedPaths } from "./served-paths.ts";
import { unpackGzip } from "./unpacked-body.ts";
import { readWhole } from "./whole-body.ts";

/** A request as the hooks of this file leave it. */
export interface IncomingRequest extends FastifyRequest {
  apiKey: ApiKey | null;
  heldBody: HeldBytes | null;
  packing: Packing;
}

/**
 * Decides on every request by its headers, before its body is read: authenticates it, checks the form of its body and
 * takes its bytes from the budget. A client without a key therefore cannot occupy memory.
 */
export function checkBeforeBody(
  app: NestFastifyApplication,
  config: Config,
  paths: ServedPaths,
): void {
  const keys = app.get(ApiKeys, { strict: false });
  const memory = app.get(MemoryBudget, { strict: false });
  const { decisions } = app.get(IngressMetrics, { strict: false });
  const { SLUICE_HTTP_BODY_MAX_BYTES: bodyMax, SLUICE_HTTP_IDLE_TIMEOUT_MS: idleMs } = config;
  const instance = app.getHttpAdapter().getInstance();
  instance
    .decorateRequest("apiKey", null)
    .decorateRequest("heldBody", null)
    .decorateRequest("packing", "none");
  instance.addHook("onRequest", (request, reply, done) => {
    done(refusalOf(incoming(request), reply.raw));
  });

  function refusalOf(request: IncomingRequest, response: ServerResponse): ApiError | undefined {
    if (request.is404) return noSuchRoute(paths.methodsOf(request.url));
    const key = keys.authenticate(request.headers.authorization);
    if (!key) return unauthenticated();
    request.apiKey = key;
    return bodyRefusalOf(request, response);
  }

  function bodyRefusalOf(request: IncomingRequest, response: ServerResponse): ApiError | undefined {
    const { headers } = request;
    const isPost = request.method === "POST";
    if (!hasBody(headers))
      return isPost
        ? ApiError.of("invalid_json", "The request has no body; send a JSON object.")
        : undefined;
    const packing = packingOf(headers);
    const error = isPost ? mediaTypeErrorOf(headers) : undefined;
    if (error) return error;
    if (packing instanceof ApiError) return packing;
    if (Number(headers["content-length"]) > bodyMax) return bodyTooLarge(bodyMax);
    request.packing = packing;
    const held = memory.takeBody(bodyBytesOf(headers, packing, bodyMax));
    if (!held) return memoryFull();
    request.heldBody = held;
    response.once("close", () => held.release());
    refuseIfStalled(request, response, idleMs, ({ code }) =>
      decisions.inc({ decision: "refuse", reason: code }),
    );
    return undefined;
  }
}

function noSuchRoute(allowed: readonly string[]): ApiError {
  return allowed.length === 0 ? pathNotFound() : methodNotAllowed(allowed);
}

/**
 * Reads only bodies that are JSON in UTF-8, and not plain text, which Fastify would read. Decoding
 * would replace each byte that is not UTF-8, so the provider would receive another prompt. A body in gzip
 * is unpacked when it is complete, so that many small parts of it do not cost more than one large part.
 */
export function takeJsonInUtf8(app: NestFastifyApplication, bytesMax: number): void {
  const instance = app.getHttpAdapter().getInstance();
  const parse = instance.getDefaultJsonParser("error", "error");
  instance.removeContentTypeParser("text/plain");
  instance.addContentTypeParser("application/json", (raw, _payload, done) => {
    const request = incoming(raw);
    const take = (body: Buffer): void => {
      request.heldBody?.shrinkTo(body.length);
      if (isUtf8(body)) void parse(request, body.toString(), done);
      else done(ApiError.of("invalid_json", "The body is not UTF-8; encode it as UTF-8."));
    };
    readWhole(request.raw, bytesMax, (error, body) => {
      if (!body) done(error);
      else if (request.packing === "none") take(body);
      else
        unpackGzip(body, bytesMax, (wrong, unpacked) => (unpacked ? take(unpacked) : done(wrong)));
    });
  });
}

function incoming(request: FastifyRequest): IncomingRequest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checkBeforeBody decorates all requests
  return request as IncomingRequest;
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Returns the most bytes that the body can occupy. A body of unknown length may have all that are allowed, and a packed
 * one needs its packed and its unpacked bytes at the same time.
 */
function bodyBytesOf(headers: IncomingHttpHeaders, packing: Packing, bodyMax: number): number {
  const isUnknown = headers["transfer-encoding"] !== undefined;
  const sent = isUnknown ? bodyMax : Number(headers["content-length"] ?? 0);
  return packing === "none" ? sent : sent + bodyMax;
}

/** Refuses a client that sends nothing of its body for `idleMs`, and closes its connection. */
function refuseIfStalled(
  { raw }: FastifyRequest,
  response: ServerResponse,
  idleMs: number,
  refused: (error: ApiError) => void,
): void {
  const { socket } = raw;
  socket.setTimeout(idleMs);
  raw.once("timeout", () => {
    if (response.headersSent) {
      socket.destroy();
      return;
    }
    const error = requestTimeout();
    refused(error);
    response.shouldKeepAlive = false;
    sendRefusal(response, error);
  });
  raw.once("end", () => {
    // After the response, the socket has the timeout of a connection that is kept alive.
    if (!response.writableEnded) socket.setTimeout(0);
  });
}
