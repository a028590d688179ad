import type { InferenceRequested } from "@sluice/contracts";
import { canonicalJson, hashOf } from "@sluice/domain";
import type { RequestBody } from "./request-body.ts";
import type { RequestHeaders } from "./request-headers.ts";

/** Returns the record of an HTTP request. It has the same form as a record that arrives over Kafka. */
export function recordOf(
  requestId: string,
  body: RequestBody,
  headers: RequestHeaders,
): InferenceRequested {
  const { requiredAccuracy, maxLatencyMs, maxCostNanoUsd, deadlineAt, lane } = headers;
  return {
    requestId,
    model: body.model,
    messages: body.messages,
    parameters: body.parameters,
    requirements: {
      requiredAccuracy,
      maxLatencyMs,
      maxCostNanoUsd,
      deadlineAt,
      lane,
      onDoubt: "retry",
    },
    cache: { mode: headers.cacheMode, ttlSeconds: null },
    sessionId: headers.sessionId,
    runId: headers.runId,
    stepId: headers.stepId,
    tags: {},
    operation: body.operation,
    inputs: body.inputs,
    tokenInputs: body.tokenInputs,
    user: headers.user,
    feature: headers.feature,
  };
}

/**
 * Returns the hash by which two requests of a tenant are the same. It leaves out the id and the
 * deadline, because a retry sets a new deadline, and the inputs of a chat, because a chat has none. A user and a feature
 * count only if the client names them, so that a repeat of an older request has the same hash.
 */
export function bodyHashOf(tenant: string, request: InferenceRequested): string {
  const {
    requestId: _requestId,
    requirements,
    operation,
    inputs,
    tokenInputs,
    user,
    feature,
    ...rest
  } = request;
  const { deadlineAt: _deadlineAt, ...demands } = requirements;
  const embeddings = operation === "embeddings" && { operation, inputs, tokenInputs };
  const payers = { ...(user !== null && { user }), ...(feature !== null && { feature }) };
  return hashOf(
    tenant,
    canonicalJson({ ...rest, ...embeddings, ...payers, requirements: demands }),
  );
}

/** Returns the request id of an idempotency key. Each team of a tenant has its own keys. */
export function idempotentRequestId(tenant: string, team: string, idempotencyKey: string): string {
  return hashOf(tenant, team, idempotencyKey);
}
