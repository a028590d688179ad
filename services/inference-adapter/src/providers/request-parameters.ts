import type { InferenceRequested } from "@sluice/contracts";
import { openAiRequestMembers } from "@sluice/declarations";
import { unreadable } from "../faults.ts";

/**
 * Returns the parameters of a request as an object.
 *
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function parametersOf({
  parameters,
}: InferenceRequested): Readonly<Record<string, unknown>> {
  const read = parsed(parameters);
  if (typeof read !== "object" || read === null || Array.isArray(read))
    throw unreadable("The parameters");
  return { ...read };
}

/**
 * Whether a model with these additional members takes a parameter. The dispatcher has chosen a model that takes all of
 * them, but its declarations may be older than ours.
 */
export function isTaken(name: string, requestMembers: readonly string[]): boolean {
  return openAiRequestMembers.has(name) || requestMembers.includes(name);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable("The parameters");
  }
}
