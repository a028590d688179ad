import { defaultRequest, type InferenceAdmitted } from "@sluice/contracts";

/**
 * Returns the record without what its body hash covers. The store keeps no more of it, and so holds
 * no prompt: a repeat has the same body hash and brings the rest, see {@link recordOfRepeat}.
 */
export function withoutBody(admitted: InferenceAdmitted): InferenceAdmitted {
  const { requestId, requirements } = admitted.request;
  return {
    ...admitted,
    request: {
      ...defaultRequest,
      requestId,
      messages: [],
      // A repeat may have another deadline: the body hash does not cover it.
      requirements: { ...defaultRequest.requirements, deadlineAt: requirements.deadlineAt },
    },
  };
}

/** Returns the record that was admitted first, from what is stored of it and from a repeat with the same body. */
export function recordOfRepeat(
  stored: InferenceAdmitted,
  repeat: InferenceAdmitted,
): InferenceAdmitted {
  const { requestId, requirements } = stored.request;
  const demands = { ...repeat.request.requirements, deadlineAt: requirements.deadlineAt };
  return { ...stored, request: { ...repeat.request, requestId, requirements: demands } };
}
