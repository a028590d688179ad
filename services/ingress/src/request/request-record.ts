import type { InferenceRequested } from "@sluice/contracts";
import type { Declarations } from "@sluice/declarations";
import { canonicalJson, type EpochMillis, hashOf, isRequestId } from "@sluice/domain";
import { ApiError } from "../http/api-error.ts";
import type { AskedBody } from "./request-body.ts";
import { checkMessage, checkParameters } from "./chat-body.ts";
import { checkEmbeddings } from "./embeddings-body.ts";
import { modelRefusalOf } from "./model-choice.ts";
import { excessIn } from "./record-limits.ts";
import type { RequestHeaders } from "./request-headers.ts";

/** The same record whether a request came by HTTP or by Kafka. */
export function requestedOf(
  requestId: string,
  body: AskedBody,
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
  };
}

/**
 * What makes two requests the same. The id is not part of it, nor the deadline,
 * which a retry states anew; nor, of a chat, the inputs that it cannot have.
 */
export function bodyHashOf(tenant: string, request: InferenceRequested): string {
  const { requestId: _requestId, requirements, operation, inputs, tokenInputs, ...rest } = request;
  const { deadlineAt: _deadlineAt, ...demands } = requirements;
  const embeddings = operation === "embeddings" && { operation, inputs, tokenInputs };
  return hashOf(tenant, canonicalJson({ ...rest, ...embeddings, requirements: demands }));
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

const reasonLengthMax = 500;
const roles = new Set(["system", "developer", "user", "assistant", "tool"]);

/** What is wrong with a request that came as a record; HTTP bodies were checked while they were parsed. */
export function refusalOf(
  request: InferenceRequested,
  declarations: Declarations,
): Refusal | undefined {
  const shape =
    request.operation === "embeddings" ? embeddingShapeIn(request) : chatShapeIn(request);
  if (shape) return shape;
  const { requiredAccuracy } = request.requirements;
  if (requiredAccuracy !== null && !(requiredAccuracy >= 0 && requiredAccuracy <= 1))
    return invalid("requirements.requiredAccuracy", "a number from 0 to 1");
  const excess = excessIn(request);
  if (excess) return invalid(...excess);
  try {
    if (request.operation === "embeddings") checkEmbeddings(request);
    else checkChat(request);
    return modelRefusalOf(request, declarations);
  } catch (error) {
    // A name in it may be as long as the record, and the reason is written down more than once.
    if (error instanceof ApiError)
      return { code: error.code, reason: error.message.slice(0, reasonLengthMax) };
    throw error;
  }
}

function chatShapeIn({ messages, inputs, tokenInputs }: InferenceRequested): Refusal | undefined {
  if (messages.length === 0) return invalid("messages", "at least one message");
  if (inputs.length > 0) return invalid("inputs", "none, as the operation is chat");
  if (tokenInputs.length > 0) return invalid("tokenInputs", "none, as the operation is chat");
  const stranger = messages.findIndex(({ role }) => !roles.has(role));
  if (stranger >= 0) return invalid(`messages[${stranger}].role`, [...roles].join(", "));
  return undefined;
}

function embeddingShapeIn({ messages }: InferenceRequested): Refusal | undefined {
  if (messages.length > 0) return invalid("messages", "none, as the operation is embeddings");
  return undefined;
}

function checkChat({ parameters, messages }: InferenceRequested): void {
  checkParameters(parameters);
  for (const [index, message] of messages.entries()) checkMessage(message, index);
}

export function hasValidId({ requestId }: InferenceRequested): boolean {
  return isRequestId(requestId);
}

function invalid(field: string, expected: string): Refusal {
  return { code: "invalid_value", reason: `Invalid value for '${field}': expected ${expected}.` };
}
