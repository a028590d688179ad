import { z } from "zod";

/**
 * A member that OpenAI knows and that is refused here, for a reason its user is
 * told. Null is allowed: to OpenAI it is the same as absent.
 */
export function unsupported(reason: string): z.ZodOptional<z.ZodNull> {
  return z.null({ error: reason }).optional();
}

export function isUnsupported(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_type" && issue.expected === "null";
}
