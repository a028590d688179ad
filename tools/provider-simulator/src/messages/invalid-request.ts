import { z } from "zod";
import { ApiError } from "../api-error.ts";

/** Returns the refusal of a request that names the wrong member by its path, such as `messages.0.content`. */
export function invalid(path: string, reason: string): ApiError {
  return new ApiError(400, `${path}: ${reason}`, { param: path });
}

/** Returns the refusal of a body that does not fit its schema. It names the first wrong member. */
export function invalidBody({ issues: [issue] }: z.ZodError): ApiError {
  if (!issue) return new ApiError(400, "Invalid request.");
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return invalid(
      [...path, ...issue.keys.slice(0, 1)].join("."),
      "Extra inputs are not permitted",
    );
  const isMissing = issue.message.endsWith("received undefined");
  return invalid(path.join(".") || "body", isMissing ? "Field required" : issue.message);
}
