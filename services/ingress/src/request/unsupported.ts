import { z } from "zod";

/**
 * Returns the schema of a member that OpenAI accepts and Sluice refuses. The client receives the
 * reason. Null is allowed, because OpenAI treats it like an absent member.
 */
export function unsupported(reason: string): z.ZodOptional<z.ZodNull> {
  return z.null({ error: reason }).optional();
}

export function isUnsupported(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_type" && issue.expected === "null";
}
