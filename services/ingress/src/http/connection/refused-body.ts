import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApiError } from "../api-error.ts";

/** The connection is closed beyond these limits, because no client sends this much by mistake. */
const droppedBytesMax = 64 * 1_024 * 1_024;
const droppedMsMax = 10_000;
/**
 * If the connection is kept, Node reads and drops the rest of a body this short after the response has ended. If it is
 * closed, the rest has to be read first, or the client sees a broken connection instead of the refusal.
 */
const shortBytesMax = 16 * 1_024;

/** A response that is sent without Fastify. */
export interface EarlyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined if the response has no body. */
  readonly body?: string;
}

/** Sends a refusal in the envelope of all errors. The rest of the body is handled as by {@link answerEarly}. */
export async function refuse(request: IncomingMessage, response: ServerResponse, error: ApiError) {
  await answerEarly(request, response, refusalOf(error));
}

/** Sends a refusal to a client that sends nothing more. */
export function sendRefusal(response: ServerResponse, error: ApiError): void {
  send(response, refusalOf(error));
}

function refusalOf(error: ApiError): EarlyAnswer {
  const { status, headers } = error;
  const type = { "content-type": "application/json; charset=utf-8" };
  return { status, headers: { ...headers, ...type }, body: JSON.stringify(error.envelope()) };
}

function send(response: ServerResponse, answer: EarlyAnswer): void {
  response.writeHead(answer.status, headersOf(answer)).end(answer.body);
}

function headersOf({ headers, body }: EarlyAnswer): OutgoingHttpHeaders {
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  return { ...headers, ...length };
}

/**
 * Answers a request whose body is not read. If the client still sends its body, it receives the answer at once,
 * and the connection is closed after the rest of the body was dropped. Many clients read nothing before they
 * have sent everything. If the server closed the connection earlier, they would report a broken
 * connection and try again, and would never read the answer.
 */
export async function answerEarly(
  request: IncomingMessage,
  response: ServerResponse,
  answer: EarlyAnswer,
): Promise<void> {
  // A body of a few packets arrives with its headers, but Node parses it after them. Its connection can be kept.
  const isShort =
    response.shouldKeepAlive && Number(request.headers["content-length"]) <= shortBytesMax;
  if (!request.complete && !isShort) await nextTurn();
  if (response.headersSent || response.destroyed) return;
  if (request.complete || isShort) {
    send(response, answer);
    return;
  }
  const { status, body } = answer;
  response.writeHead(status, { ...headersOf(answer), connection: "close" });
  if (body === undefined) response.flushHeaders();
  else response.write(body);
  await dropRest(request);
  // Node closes the connection when the response has ended.
  response.end();
}

/** Reads the rest of a body, of which nothing stays in memory. Closes the connection beyond the limits. */
export async function dropRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  let dropped = 0;
  const drop = (chunk: Buffer): void => {
    dropped += chunk.length;
    if (dropped > droppedBytesMax) resolve();
  };
  const timer = setTimeout(resolve, droppedMsMax);
  request.on("data", drop).once("end", resolve).once("close", resolve).once("error", resolve);
  request.resume();
  await promise;
  clearTimeout(timer);
  request.off("data", drop);
  if (!request.complete) request.socket.destroy();
}
