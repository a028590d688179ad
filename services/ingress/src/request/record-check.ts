import type { InferenceRequested } from "@sluice/contracts";
import type { AdditionalMembers, Declarations } from "@sluice/declarations";
import { chatRefusalOf, messagesMax } from "./chat-body.ts";
import { embeddingsRefusalOf } from "./embeddings-body.ts";
import { modelRefusalOf } from "./model-choice.ts";
import { excessIn, modelLengthMax } from "./record-limits.ts";
import { invalidValue, type Refusal } from "./refusal.ts";

/** In characters. A reason may name a member of the record, and stages write the reason several times. */
const reasonLengthMax = 500;
const roles = new Set(["system", "developer", "user", "assistant", "tool"]);

/**
 * Returns why a request that arrived as a Kafka record is refused; undefined if it is valid. The
 * body of an HTTP request is checked while it is parsed.
 */
export function recordRefusalOf(
  request: InferenceRequested,
  declarations: Declarations,
): Refusal | undefined {
  return (
    shapeRefusalOf(request) ??
    accuracyRefusalOf(request) ??
    excessRefusalOf(request) ??
    shortened(contentRefusalOf(request, declarations.additionalMembers())) ??
    modelRefusalOf(request, declarations)
  );
}

function shapeRefusalOf(request: InferenceRequested): Refusal | undefined {
  const { operation, model, messages, inputs, tokenInputs } = request;
  if (model.length === 0 || model.length > modelLengthMax)
    return unexpected("model", `1 to ${modelLengthMax} characters`);
  if (operation === "embeddings")
    return messages.length > 0
      ? unexpected("messages", "none, as the operation is embeddings")
      : undefined;
  if (messages.length === 0) return unexpected("messages", "at least one message");
  if (messages.length > messagesMax)
    return unexpected("messages", `at most ${messagesMax} messages`);
  if (inputs.length > 0) return unexpected("inputs", "none, as the operation is chat");
  if (tokenInputs.length > 0) return unexpected("tokenInputs", "none, as the operation is chat");
  const unknownRole = messages.findIndex(({ role }) => !roles.has(role));
  return unknownRole >= 0
    ? unexpected(`messages[${unknownRole}].role`, [...roles].join(", "))
    : undefined;
}

function accuracyRefusalOf({ requirements }: InferenceRequested): Refusal | undefined {
  const { requiredAccuracy } = requirements;
  // The comparison is also false for NaN, which Avro can encode.
  if (requiredAccuracy === null || (requiredAccuracy >= 0 && requiredAccuracy <= 1))
    return undefined;
  return unexpected("requirements.requiredAccuracy", "a number from 0 to 1");
}

function excessRefusalOf(request: InferenceRequested): Refusal | undefined {
  const excess = excessIn(request);
  return excess && unexpected(excess.path, excess.allowed);
}

function contentRefusalOf(
  request: InferenceRequested,
  allowed: AdditionalMembers,
): Refusal | undefined {
  return request.operation === "embeddings"
    ? embeddingsRefusalOf(request, allowed)
    : chatRefusalOf(request, allowed);
}

function shortened(refusal: Refusal | undefined): Refusal | undefined {
  return refusal && { ...refusal, reason: refusal.reason.slice(0, reasonLengthMax) };
}

function unexpected(field: string, expected: string): Refusal {
  return invalidValue(field, `expected ${expected}`);
}
