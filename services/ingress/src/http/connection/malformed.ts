import type { Socket } from "node:net";
import { STATUS_CODES } from "node:http";
import { ApiError } from "../api-error.ts";

/**
 * Answers bytes that Node's parser refuses, in the envelope of all errors, and closes the connection.
 * It logs nothing, because anyone who reaches the port can cause this.
 */
export function answerMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code !== "ECONNRESET" && socket.writable) socket.write(responseTo(error.code));
  socket.destroy();
}

function responseTo(code: string | undefined): string {
  const error = errorOf(code);
  const { status } = error;
  const body = JSON.stringify(error.envelope());
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

function errorOf(code: string | undefined): ApiError {
  if (code === "HPE_HEADER_OVERFLOW")
    return ApiError.of("headers_too_large", "The headers exceed 16 KiB; shorten them.");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return ApiError.of("request_timeout", "The request did not arrive in time; send it again.");
  return ApiError.of("malformed_request", "The request is not HTTP/1.1; correct it.");
}
