import type { InferenceRequested } from "@sluice/contracts";
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

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable("The parameters");
  }
}
