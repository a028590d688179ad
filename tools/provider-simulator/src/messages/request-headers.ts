import type { IncomingMessage } from "node:http";
import { ApiError } from "../api-error.ts";
import { equalInConstantTime } from "../control-access.ts";
import { invalid } from "./invalid-request.ts";

/** The versions of the interface that the simulator supports, by Anthropic's page "Versions". */
export type ApiVersion = "2023-06-01" | "2026-10-21";

/** The headers that every call of the Messages interface has. */
export interface MessagesHeaders {
  /** The key of the client; empty if it sent none. */
  readonly key: string;
  readonly version: ApiVersion;
}

/**
 * Reads and checks the headers of a call. Anthropic accepts the key in `x-api-key`, and in `authorization`, in which its
 * client sends it since its version 1.
 *
 * @param expectedKey undefined accepts every client
 * @throws ApiError 401 for a missing or wrong key, 400 for a missing or unknown version
 */
export function readHeaders(
  { headers }: IncomingMessage,
  expectedKey: string | undefined,
): MessagesHeaders {
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
  const key = String(headers["x-api-key"] ?? bearer);
  if (expectedKey !== undefined && !equalInConstantTime(key, expectedKey))
    throw new ApiError(401, "invalid x-api-key");
  const version = headers["anthropic-version"];
  if (version === undefined) throw invalid("anthropic-version", "header is required");
  if (version === "2023-06-01" || version === "2026-10-21") return { key, version };
  throw invalid("anthropic-version", `"${String(version)}" is not a valid version`);
}
