import type { InferenceRequested } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import { canonicalJson, type EpochMillis, hashOf, isRequestId, isTier } from "@sluice/domain";
import { ApiError } from "./api-error.ts";
import { type ChatBody, checkMessage, checkParameters } from "./chat-body.ts";
import { excessIn } from "./record-limits.ts";
import type { RequestHeaders } from "./request-headers.ts";

/** The same record whether a request came by HTTP or by Kafka. */
export function requestedOf(
  requestId: string,
  body: ChatBody,
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
    operation: "chat",
    inputs: [],
    tokenInputs: [],
  };
}

/**
 * What makes two requests the same. The id is not part of it, nor the deadline,
 * which a retry states anew.
 */
export function bodyHashOf(tenant: string, request: InferenceRequested): string {
  const { requestId: _requestId, requirements, ...rest } = request;
  const { deadlineAt: _deadlineAt, ...demands } = requirements;
  return hashOf(tenant, canonicalJson({ ...rest, requirements: demands }));
}

/** The id that the holder of an idempotency key always gets for it. */
export function idempotentRequestId(tenant: string, team: string, idempotencyKey: string): string {
  return hashOf(tenant, team, idempotencyKey);
}

const defaultDeadlineMs = { http: 120_000, kafka: 10 * 60_000 } as const;
/** Below the topics' retention, or a message would expire before its request. */
const deadlineMaxMs = 48 * 60 * 60_000;

export function deadlineOf(
  wanted: EpochMillis | null,
  origin: "http" | "kafka",
  now: EpochMillis,
): EpochMillis {
  return Math.min(wanted ?? now + defaultDeadlineMs[origin], now + deadlineMaxMs);
}

export interface Refusal {
  readonly code: string;
  readonly reason: string;
}

/** auto, a tier, or a variant that is declared. */
export function isKnownModel(model: string, declarations: Declarations): boolean {
  return model === "auto" || isTier(model) || declarations.variantOf(model) !== undefined;
}

export function unknownModel(model: string): Refusal {
  return {
    code: "model_not_found",
    reason: `The model '${model.slice(0, 128)}' does not exist; ask GET /v1/models for those that do.`,
  };
}

const reasonLengthMax = 500;
const roles = new Set(["system", "developer", "user", "assistant", "tool"]);

/** What is wrong with a request that came as a record; HTTP bodies were checked while they were parsed. */
export function refusalOf(
  request: InferenceRequested,
  declarations: Declarations,
): Refusal | undefined {
  if (request.messages.length === 0) return invalid("messages", "at least one message");
  const stranger = request.messages.findIndex(({ role }) => !roles.has(role));
  if (stranger >= 0) return invalid(`messages[${stranger}].role`, [...roles].join(", "));
  const { requiredAccuracy } = request.requirements;
  if (requiredAccuracy !== null && !(requiredAccuracy >= 0 && requiredAccuracy <= 1))
    return invalid("requirements.requiredAccuracy", "a number from 0 to 1");
  const excess = excessIn(request);
  if (excess) return invalid(...excess);
  if (!isKnownModel(request.model, declarations)) return unknownModel(request.model);
  try {
    checkParameters(request.parameters);
    for (const [index, message] of request.messages.entries()) checkMessage(message, index);
    return undefined;
  } catch (error) {
    // A name in it may be as long as the record, and the reason is written down more than once.
    if (error instanceof ApiError)
      return { code: error.code, reason: error.message.slice(0, reasonLengthMax) };
    throw error;
  }
}

export function hasValidId({ requestId }: InferenceRequested): boolean {
  return isRequestId(requestId);
}

function invalid(field: string, expected: string): Refusal {
  return { code: "invalid_value", reason: `Invalid value for '${field}': expected ${expected}.` };
}
