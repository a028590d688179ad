import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import type { ApiKey } from "@sluice/declarations";
import type { FastifyRequest, RawServerDefault } from "fastify";
import { ApiKeys } from "../../admission/api-keys.ts";
import type { Config } from "../../config.ts";
import { ApiError, memoryFull, pathNotFound, unauthenticated } from "../api-error.ts";
import { type HeldBytes, MemoryBudget } from "./memory-budget.ts";

/** A request as the hooks of this file leave it. */
export interface IncomingRequest extends FastifyRequest {
  apiKey: ApiKey | null;
  heldBody: HeldBytes | null;
}

/**
 * Decides on every request by its headers, before its body is read: authenticates it and takes the bytes of
 * its body from the budget. A client without a key therefore cannot occupy memory.
 */
export function checkBeforeBody(app: NestFastifyApplication, config: Config): void {
  const keys = app.get(ApiKeys, { strict: false });
  const memory = app.get(MemoryBudget, { strict: false });
  const { SLUICE_HTTP_BODY_MAX_BYTES: bodyMax, SLUICE_HTTP_IDLE_TIMEOUT_MS: idleMs } = config;
  const instance = app.getHttpAdapter().getInstance();
  instance.decorateRequest("apiKey", null).decorateRequest("heldBody", null);
  instance.addHook("onRequest", (request, reply, done) => {
    done(refusalOf(incoming(request), reply.raw));
  });

  function refusalOf(request: IncomingRequest, response: ServerResponse): ApiError | undefined {
    if (request.is404) return pathNotFound();
    const key = keys.authenticate(request.headers.authorization);
    if (!key) return unauthenticated();
    request.apiKey = key;
    const bytes = bodyBytesOf(request.headers, bodyMax);
    if (bytes === 0) return undefined;
    const held = memory.takeBody(bytes);
    if (!held) return memoryFull();
    request.heldBody = held;
    response.once("close", () => held.release());
    closeIfStalled(request, response, idleMs);
    return undefined;
  }
}

/**
 * Reads only bodies that are JSON in UTF-8, and not plain text, which Fastify would read. Decoding
 * would replace each byte that is not UTF-8, so the provider would receive another prompt.
 */
export function takeJsonInUtf8(app: NestFastifyApplication, bodyLimit: number): void {
  const instance = app.getHttpAdapter().getInstance();
  const parse = instance.getDefaultJsonParser("error", "error");
  instance.removeContentTypeParser("text/plain");
  app.useBodyParser<RawServerDefault>("application/json", { bodyLimit }, (request, body, done) => {
    incoming(request).heldBody?.shrinkTo(body.length);
    if (isUtf8(body)) void parse(request, body.toString(), done);
    else done(ApiError.of("invalid_json", "The body is not UTF-8; encode it as UTF-8."));
  });
}

function incoming(request: FastifyRequest): IncomingRequest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checkBeforeBody decorates all requests
  return request as IncomingRequest;
}

/** Returns the most bytes that the body can occupy. A body of unknown length may have all that are allowed. */
function bodyBytesOf(headers: IncomingHttpHeaders, bodyMax: number): number {
  if (headers["transfer-encoding"] !== undefined) return bodyMax;
  return Math.min(Number(headers["content-length"] ?? 0), bodyMax);
}

/** Closes the connection of a client that sends nothing of its body for `idleMs`. */
function closeIfStalled(request: FastifyRequest, response: ServerResponse, idleMs: number): void {
  const { raw } = request;
  const { socket } = raw;
  socket.setTimeout(idleMs);
  raw.once("end", () => {
    // After the response, the socket has the timeout of a connection that is kept alive.
    if (!response.writableEnded) socket.setTimeout(0);
  });
}
