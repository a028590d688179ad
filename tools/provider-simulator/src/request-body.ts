import type { IncomingMessage } from "node:http";
import { ApiError, badRequest } from "./api-error.ts";

const BODY_BYTES_MAX = 8 * 1_024 * 1_024;

/**
 * Reads the body of a request as JSON.
 *
 * @throws ApiError 413 above 8 MiB, 400 if the body is not JSON
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new ApiError(413, "The body is larger than 8 MiB.");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw badRequest("We could not parse the JSON body of your request.");
  }
}
