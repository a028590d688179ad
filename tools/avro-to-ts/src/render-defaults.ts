import type { Field, NamedSchema, Schema } from "./render.ts";

type Schemas = ReadonlyMap<string, NamedSchema>;

/**
 * Renders the defaults of records as TypeScript constants, with the types that our codec uses.
 * Fields without a default are omitted from the constant and from its type.
 *
 * @param constants name of the constant by name of the record
 */
export function renderDefaults(
  schemas: Schemas,
  constants: Readonly<Record<string, string>>,
): string {
  const records = Object.keys(constants).toSorted();
  const imports = `import type { ${records.join(", ")} } from "./records.ts";\n`;
  const declarations = Object.entries(constants).map(([record, name]) => {
    const fields = fieldsOf(schemas, record);
    const required = fields.filter((field) => !("default" in field));
    const members = fields
      .filter((field) => "default" in field)
      .map((field) => `  ${field.name}: ${literalOf(schemas, field.type, field.default)},\n`);
    return `/** The fields of {@link ${record}} that have a default. */\nexport const ${name}: ${typeOf(record, required)} = {\n${members.join("")}};\n`;
  });
  return [imports, ...declarations].join("\n");
}

function fieldsOf(schemas: Schemas, record: string): readonly Field[] {
  const fields = schemas.get(record)?.fields;
  if (!fields) throw new Error(`There is no record "${record}".`);
  return fields;
}

function typeOf(record: string, required: readonly Field[]): string {
  if (required.length === 0) return record;
  return `Omit<${record}, ${required.map(({ name }) => JSON.stringify(name)).join(" | ")}>`;
}

/** Returns the TypeScript literal of a default, which Avro writes as JSON. */
function literalOf(schemas: Schemas, schema: Schema, value: unknown): string {
  // A default of a union is of its first branch, and the first branch of our unions is null.
  if (value === null) return "null";
  if (typeof schema === "string") {
    const named = schemas.get(schema);
    return named ? literalOf(schemas, named, value) : primitiveLiteralOf(schema, value);
  }
  if (isUnion(schema)) throw new Error(`${JSON.stringify(value)} is not a default of a union.`);
  switch (schema.type) {
    case "record":
      return recordLiteralOf(schemas, schema, value);
    case "enum":
      return JSON.stringify(value);
    case "array":
      if (Array.isArray(value) && value.length === 0) return "[]";
      break;
    case "map":
      if (Object.keys(Object(value)).length === 0) return "{}";
      break;
    case "long":
      return schema.logicalType ? JSON.stringify(value) : primitiveLiteralOf("long", value);
    default:
      return literalOf(schemas, schema.type, value);
  }
  throw new Error(`A default of type ${schema.type} must be empty, not ${JSON.stringify(value)}.`);
}

function recordLiteralOf(schemas: Schemas, schema: NamedSchema, value: unknown): string {
  const given = new Map(Object.entries(Object(value)));
  const members = schema.fields!.map((field) => {
    const member: unknown = given.has(field.name) ? given.get(field.name) : field.default;
    if (member === undefined) throw new Error(`${schema.name}.${field.name} has no default.`);
    return `${field.name}: ${literalOf(schemas, field.type, member)}`;
  });
  return `{ ${members.join(", ")} }`;
}

function primitiveLiteralOf(name: string, value: unknown): string {
  switch (name) {
    case "long":
      return `${JSON.stringify(value)}n`;
    case "boolean":
    case "int":
    case "float":
    case "double":
    case "string":
      return JSON.stringify(value);
    default:
      throw new Error(`A default of type "${name}" is not supported.`);
  }
}

const isUnion = (schema: Schema): schema is readonly Schema[] => Array.isArray(schema);
