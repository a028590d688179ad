import type { IncomingMessage } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import type { ApiError } from "../api-error.ts";

/** The connection is closed beyond these limits, because no client sends this much by mistake. */
const droppedBytesMax = 64 * 1_024 * 1_024;
const droppedMsMax = 10_000;

/**
 * Sends a refusal. If the client still sends its body, it receives the refusal at once, and the
 * connection is closed after the rest of the body was dropped. Many clients read nothing before they
 * have sent everything. If the server closed the connection earlier, they would report a broken
 * connection and try again, and would never read the refusal.
 */
export async function refuse(request: IncomingMessage, reply: FastifyReply, error: ApiError) {
  // A short body arrives with its headers, but Node parses it after them. Its connection can be kept.
  if (!request.complete) await nextTurn();
  if (reply.raw.headersSent || reply.raw.destroyed) return;
  if (request.complete) {
    void reply.status(error.status).headers(error.headers).send(error.envelope());
    return;
  }
  const response = reply.hijack().raw;
  const body = JSON.stringify(error.envelope());
  response.writeHead(error.status, {
    ...error.headers,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  response.write(body);
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
