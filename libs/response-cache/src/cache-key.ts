import type { InferenceRequested, Message } from "@sluice/contracts";
import { canonicalJson, hashOf } from "@sluice/domain";

/**
 * Parameters that change the delivery or the accounting, but not the answer. Every parameter that is
 * not listed here is part of the key, so an unknown parameter costs a hit and never gives a wrong answer.
 */
const withoutInfluence: ReadonlySet<string> = new Set([
  // They change how the answer is delivered.
  "stream",
  "stream_options",
  // They name the end user. A provider may refuse a user, but refusals are not cached.
  "user",
  "safety_identifier",
  // They change what the provider stores and how it labels the request.
  "metadata",
  "store",
  // They change the provider's speed, price and prompt cache.
  "service_tier",
  "prompt_cache_key",
  "prompt_cache_retention",
]);

/**
 * Parameters with members whose order does not matter. In all others it is part of the key: a model answers in the
 * order of a schema's properties, and members that OpenAI's API does not have may contain a schema too.
 */
const unordered: ReadonlySet<string> = new Set(["logit_bias", "stop", "tool_choice"]);

/**
 * Returns a canonical hash of everything that changes the answer: the requested model or tier, the
 * messages or inputs in their order, and the parameters. The spelling of JSON does not change it, and
 * null means absent, as in OpenAI's API. Requirements are not part of it, because the lookup checks
 * whether an entry satisfies them.
 */
export function cacheKeyOf(request: InferenceRequested): string {
  const { model, inputs, tokenInputs } = request;
  const parameters = canonicalJson(influential(objectOf(request.parameters)));
  if (request.operation === "embeddings")
    return hashOf(model, "embeddings", JSON.stringify([inputs, tokenInputs]), parameters);
  return hashOf(model, canonicalJson(request.messages.map(shapeOf)), parameters);
}

function shapeOf({ role, content, parts, toolCalls, toolCallId, name, members }: Message): object {
  return {
    role,
    content,
    parts: valueOf(parts),
    toolCalls: valueOf(toolCalls),
    toolCallId,
    name,
    ...(members !== null && { members: valueOf(members) }),
  };
}

function influential(parameters: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name, value]) => !withoutInfluence.has(name) && value !== null)
      .map(([name, value]) => [name, unordered.has(name) ? value : withOrder(value)]),
  );
}

/**
 * Returns the JSON of a structured value, because a text keeps the order of its members. A text that could be such JSON
 * is wrapped: a member that takes both forms would otherwise share the answers of different requests.
 */
function withOrder(value: unknown): unknown {
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "string" && /^[[{]/.test(value) ? { text: value } : value;
}

/** Parses the request's parameters. Ingress has checked that they are a JSON object. */
export function objectOf(parameters: string): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by ingress
  return JSON.parse(parameters) as Readonly<Record<string, unknown>>;
}

function valueOf(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
