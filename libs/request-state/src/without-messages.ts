import type { InferenceAdmitted } from "@sluice/contracts";

/** Returns the record without messages and inputs, which is kept when no repeat has to publish it again. */
export function withoutMessages(admitted: InferenceAdmitted): InferenceAdmitted {
  const request = { ...admitted.request, messages: [], inputs: [], tokenInputs: [] };
  return { ...admitted, request };
}
