import type { InferenceAdmitted } from "@sluice/contracts";

/** What is kept of a record that nobody has to publish again. */
export function withoutMessages(admitted: InferenceAdmitted): InferenceAdmitted {
  const request = { ...admitted.request, messages: [], inputs: [], tokenInputs: [] };
  return { ...admitted, request };
}
