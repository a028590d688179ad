import type { InferenceRequested, Message } from "@sluice/contracts";
import { canonicalJson, hashOf } from "@sluice/domain";

/**
 * Parameters that shape the delivery or the books, but not the answer. Whatever
 * is not listed here is part of the key: an unknown parameter costs a hit,
 * never a wrong answer.
 */
const withoutInfluence: ReadonlySet<string> = new Set([
  // How the answer travels.
  "stream",
  "stream_options",
  // Whom the provider holds responsible; it may refuse them, and refusals are not cached.
  "user",
  "safety_identifier",
  // What the provider stores and labels on its side.
  "metadata",
  "store",
  // How fast, at which price, and from which prompt cache the provider serves it.
  "service_tier",
  "prompt_cache_key",
  "prompt_cache_retention",
]);

/** A model answers in the order of a schema's properties: other order, other answer. */
const ordered: ReadonlySet<string> = new Set(["response_format", "tools"]);

/**
 * Canonical hash of all that changes the answer: model or tier as asked,
 * messages or inputs in their order, and parameters. Independent of the spelling
 * of JSON; null means absent, as it does to OpenAI. Requirements are not in it:
 * what is found has to satisfy them.
 */
export function cacheKeyOf(request: InferenceRequested): string {
  const { model, inputs, tokenInputs } = request;
  const parameters = canonicalJson(influential(objectOf(request.parameters)));
  if (request.operation === "embeddings")
    return hashOf(model, "embeddings", JSON.stringify([inputs, tokenInputs]), parameters);
  return hashOf(model, canonicalJson(request.messages.map(shapeOf)), parameters);
}

function shapeOf({ role, content, parts, toolCalls, toolCallId, name }: Message): object {
  return {
    role,
    content,
    parts: valueOf(parts),
    toolCalls: valueOf(toolCalls),
    toolCallId,
    name,
  };
}

function influential(parameters: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name, value]) => !withoutInfluence.has(name) && value !== null)
      .map(([name, value]) => [name, ordered.has(name) ? JSON.stringify(value) : value]),
  );
}

/** The request's parameters; ingress has checked that they are a JSON object. */
export function objectOf(parameters: string): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by ingress
  return JSON.parse(parameters) as Readonly<Record<string, unknown>>;
}

function valueOf(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
