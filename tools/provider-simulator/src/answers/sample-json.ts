import { isObject, type JsonObject } from "../json.ts";
import type { SeededNumbers } from "../seeded.ts";
import { LABEL } from "../tokens.ts";

const DEPTH_MAX = 8;
const WORDS = ["amber", "birch", "cedar", "delta", "ember", "flint"];

/**
 * Returns a value that fits a JSON schema. It supports the keywords `type`, `enum`, `const`, `properties`,
 * `items`, `anyOf` and `$ref` into `$defs`, and ignores all others. Strings contain the label.
 */
export function sampleOf(schema: JsonObject, numbers: SeededNumbers): unknown {
  return valueOf(schema, { root: schema, numbers, depth: 0 });
}

interface Sampling {
  readonly root: JsonObject;
  readonly numbers: SeededNumbers;
  readonly depth: number;
}

function valueOf(schema: JsonObject, sampling: Sampling): unknown {
  const { numbers, depth } = sampling;
  if (depth > DEPTH_MAX) return null;
  const inner = { ...sampling, depth: depth + 1 };

  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"]) && schema["enum"].length > 0)
    return schema["enum"][numbers.between(0, schema["enum"].length - 1)];
  const referred = referredBy(schema, sampling.root);
  if (referred) return valueOf(referred, inner);

  switch (typeOf(schema)) {
    case "object":
      return objectOf(schema, inner);
    case "array":
      return isObject(schema["items"]) ? [valueOf(schema["items"], inner)] : [];
    case "integer":
      return numbers.between(1, 100);
    case "number":
      return numbers.between(1, 1_000) / 10;
    case "boolean":
      return numbers.next() < 0.5;
    case "null":
      return null;
    default:
      return `${LABEL} ${numbers.pick(WORDS)}`;
  }
}

function referredBy(schema: JsonObject, root: JsonObject): JsonObject | undefined {
  const first: unknown = Array.isArray(schema["anyOf"]) ? schema["anyOf"][0] : undefined;
  if (isObject(first)) return first;
  const reference = schema["$ref"];
  const definitions = root["$defs"];
  if (typeof reference !== "string" || !isObject(definitions)) return undefined;
  const found = definitions[reference.replace("#/$defs/", "")];
  return isObject(found) ? found : undefined;
}

function typeOf(schema: JsonObject): unknown {
  const { type, properties } = schema;
  if (Array.isArray(type)) return type[0];
  return type ?? (isObject(properties) ? "object" : "string");
}

function objectOf(schema: JsonObject, sampling: Sampling): JsonObject {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      isObject(property) ? valueOf(property, sampling) : null,
    ]),
  );
}
