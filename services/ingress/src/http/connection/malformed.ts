import { type IncomingMessage, STATUS_CODES, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { IngressMetrics } from "../../metrics.ts";
import {
  ApiError,
  clientClosed,
  connectNotAllowed,
  expectationFailed,
  requestTimeout,
} from "../api-error.ts";
import { refuse, sendRefusal } from "./refused-body.ts";

/**
 * How long a client may still send after its refusal, in milliseconds. Many clients read nothing before they have sent
 * everything, and a connection that was closed earlier would discard what they have not read.
 */
const lingerMs = 5_000;

/** The client has ended its side of the connection within a request. It may still read. */
const endOfConnection = "HPE_INVALID_EOF_STATE";

type ParserError = Error & { readonly code?: string; readonly reason?: string };

/**
 * Answers what Node refuses before Fastify sees a request, in the envelope of all errors, and closes the
 * connection. It logs nothing, because anyone who reaches the port can cause this.
 */
export class MalformedRequests {
  readonly #responses = new WeakMap<Duplex, ServerResponse>();
  readonly #refused = new WeakSet<Duplex>();
  #metrics: IngressMetrics | undefined;

  /** Listens to the events of the server that have an answer of Node's own otherwise. */
  watch(server: Server, metrics: IngressMetrics): void {
    this.#metrics = metrics;
    server.on("checkExpectation", (request, response) => {
      this.#count(expectationFailed().code);
      void refuse(request, response, expectationFailed());
    });
    server.on("connect", (_request, socket) => {
      socket.on("error", () => undefined);
      this.#end(connectNotAllowed(), socket);
    });
  }

  /** Notes which response a connection carries. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    if (response.socket !== null) this.#responses.set(request.socket, response);
  }

  /** Is Node's listener for errors of its parser. */
  answer(error: ParserError, socket: Duplex): void {
    // What the client still sends after its refusal is an error again.
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const refusal = errorOf(error);
    if (!refusal || !socket.writable) {
      socket.destroy();
      return;
    }
    const response = this.#responses.get(socket);
    const isEnd = error.code === endOfConnection;
    if (!response || response.writableFinished) this.#end(refusal, socket, isEnd);
    else if (response.req.complete) this.#endAfter(response, refusal, socket);
    else this.#refuseBody(response, refusal, isEnd);
  }

  /** Ends a connection on which no response is due. */
  #end(error: ApiError, socket: Duplex, isClosedByClient = false): void {
    this.#count(isClosedByClient ? clientClosed().code : error.code);
    socket.end(responseTo(error));
    const late = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once("close", () => clearTimeout(late));
    socket.resume();
  }

  /** The answer to the request before may be paid. Its client receives it before it learns what was wrong after it. */
  #endAfter(response: ServerResponse, error: ApiError, socket: Duplex): void {
    response.once("close", () => {
      // Refusals of requests that were sent too early are written first.
      setImmediate(() => {
        if (socket.writable) this.#end(error, socket);
      });
    });
  }

  /**
   * Refuses a request whose body is wrong. If it was refused already, the rest of its body is only dropped. A client
   * that has ended its side of the connection sends no rest.
   */
  #refuseBody(response: ServerResponse, error: ApiError, isClosedByClient: boolean): void {
    if (response.headersSent) {
      if (isClosedByClient) response.end();
      return;
    }
    this.#count(isClosedByClient ? clientClosed().code : error.code);
    response.shouldKeepAlive = false;
    if (isClosedByClient) sendRefusal(response, error);
    else void refuse(response.req, response, error);
  }

  #count(reason: string): void {
    this.#metrics?.decisions.inc({ decision: "refuse", reason });
  }
}

function responseTo(error: ApiError): string {
  const { status } = error;
  const body = JSON.stringify(error.envelope());
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(error.headers).map(([name, value]) => `${name}: ${value}`),
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

/** Returns undefined for an error of the connection, on which nothing can be sent. */
function errorOf({ code = "", reason = "" }: ParserError): ApiError | undefined {
  if (code === "HPE_HEADER_OVERFLOW") {
    const message =
      "The request line and the headers exceed 16 KiB; shorten them, and send long values in the body.";
    return ApiError.of("headers_too_large", message);
  }
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") {
    const message = "The extensions of the body's chunks exceed 16 KiB; leave them out.";
    return ApiError.of("body_too_large", message);
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return requestTimeout();
  if (code === endOfConnection) {
    const message = "The connection ended before the request was complete; send all of it.";
    return ApiError.of("malformed_request", message);
  }
  if (!code.startsWith("HPE_")) return undefined;
  const detail = reason === "" ? "" : ` (${reason})`;
  return ApiError.of(
    "malformed_request",
    `The request is not valid HTTP/1.1${detail}; correct it.`,
  );
}
