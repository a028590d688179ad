import type { InferenceAdmitted } from "@sluice/contracts";

/** What is kept of a record that nobody has to publish again. */
export function withoutMessages(admitted: InferenceAdmitted): InferenceAdmitted {
  return { ...admitted, request: { ...admitted.request, messages: [] } };
}
