import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../api-error.ts";

/** In characters. A longer value is shortened in the error. */
const shownMax = 100;
const remedy = "send JSON in UTF-8 with 'content-type: application/json'";
const mediaType = /^application\/json[ \t]*(;.*)?$/i;
const charset = /;[ \t]*charset=(?:"([^"]*)"|([^;\s]*))/i;
/** ASCII is a part of UTF-8. */
const charsets = new Set(["utf-8", "utf8", "us-ascii"]);

/** How a body is packed; the edge reads no other encodings. */
export type Packing = "none" | "gzip";

/** Is sent with the 415 for another encoding (RFC 9110, section 12.5.3). */
const accepted = { "accept-encoding": "gzip, identity" } as const;

/**
 * Returns the error for a body that does not claim to be JSON in UTF-8; undefined if it does. A body without
 * a type, or with the one of a form, is what a client sends that was not configured. If it was read as JSON, a body in
 * another charset could reach the provider as another prompt. Pure.
 */
export function mediaTypeErrorOf({
  "content-type": type = "",
}: IncomingHttpHeaders): ApiError | undefined {
  if (type === "") return unsupported(`The body has no content type; ${remedy}.`);
  if (!mediaType.test(type))
    return unsupported(`The content type '${shown(type)}' is not supported; ${remedy}.`);
  const [, quoted, plain] = charset.exec(type) ?? [];
  const named = quoted ?? plain;
  if (named === undefined || charsets.has(named.toLowerCase())) return undefined;
  return unsupported(`The charset '${shown(named)}' is not supported; ${remedy}.`);
}

/** Returns how a body is packed, or the error for an encoding that the edge does not read. Pure. */
export function packingOf({
  "content-encoding": encoding = "",
}: IncomingHttpHeaders): Packing | ApiError {
  const codings = encoding
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
  const [first, ...others] = codings;
  if (first === undefined) return "none";
  if (others.length === 0 && (first === "gzip" || first === "x-gzip")) return "gzip";
  const message = `The content encoding '${shown(encoding)}' is not supported; send the body as it is, or with 'content-encoding: gzip'.`;
  return ApiError.of("unsupported_content_encoding", message, { headers: accepted });
}

function unsupported(message: string): ApiError {
  return ApiError.of("unsupported_media_type", message);
}

function shown(value: string): string {
  return value.length <= shownMax ? value : `${value.slice(0, shownMax)}…`;
}
