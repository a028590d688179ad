/*
 * Renders Avro schemas as the TypeScript types that our codec reads and writes. It supports only the
 * constructs that our schemas use, and throws on any other, so that a type is never wrong.
 */

export type Schema = string | readonly Schema[] | NamedSchema;

export interface NamedSchema {
  readonly type: string | Schema;
  readonly name?: string;
  readonly doc?: string;
  readonly fields?: readonly Field[];
  readonly symbols?: readonly string[];
  readonly items?: Schema;
  readonly values?: Schema;
  readonly logicalType?: string;
}

export interface Field {
  readonly name: string;
  readonly type: Schema;
  readonly default?: unknown;
  readonly doc?: string;
}

const primitives: Readonly<Record<string, string>> = {
  null: "null",
  boolean: "boolean",
  int: "number",
  long: "bigint",
  float: "number",
  double: "number",
  bytes: "Uint8Array",
  string: "string",
};

/**
 * Returns one declaration per schema, in the given order. Other schemas are referred to by name.
 *
 * @throws for a construct that it cannot type exactly
 */
export function renderAll(schemas: readonly NamedSchema[]): string {
  const names = new Set(schemas.map(({ name }) => name));
  return schemas.map((schema) => declarationOf(schema, names)).join("\n");
}

type Names = ReadonlySet<string | undefined>;

function declarationOf(schema: NamedSchema, names: Names): string {
  if (schema.type === "enum")
    return `${comment(schema.doc, "")}export type ${schema.name} = ${literals(schema)};\n`;
  if (schema.type !== "record")
    throw new Error(`A file must declare a record or an enum, not ${JSON.stringify(schema.type)}.`);
  const fields = schema.fields!.map(
    (field) =>
      `${comment(field.doc, "  ")}  readonly ${field.name}: ${typeOf(field.type, names)};\n`,
  );
  return `${comment(schema.doc, "")}export interface ${schema.name} {\n${fields.join("")}}\n`;
}

function typeOf(schema: Schema, names: Names): string {
  if (typeof schema === "string") return namedType(schema, names);
  if (isUnion(schema)) return unionOf(schema, names);
  if (schema.logicalType === "timestamp-millis") return "number";
  switch (schema.type) {
    case "array":
      return `readonly ${parenthesised(typeOf(schema.items!, names))}[]`;
    case "map":
      return `Readonly<Record<string, ${typeOf(schema.values!, names)}>>`;
    case "record":
    case "enum":
      throw new Error(`${schema.name} must be in its own file, because it is a named type.`);
    default:
      return typeOf(schema.type, names);
  }
}

function namedType(name: string, names: Names): string {
  const primitive = primitives[name];
  if (primitive) return primitive;
  if (names.has(name)) return name;
  throw new Error(`There is no type "${name}".`);
}

/** Renders an optional value. Other unions are refused, because the codec wraps their values in an object. */
function unionOf(branches: readonly Schema[], names: Names): string {
  const [first, second] = branches;
  if (branches.length !== 2 || first !== "null" || second === undefined)
    throw new Error(`Only ["null", T] unions are allowed, not ${JSON.stringify(branches)}.`);
  return `${typeOf(second, names)} | null`;
}

const isUnion = (schema: Schema): schema is readonly Schema[] => Array.isArray(schema);

const literals = (schema: NamedSchema): string =>
  schema.symbols!.map((symbol) => JSON.stringify(symbol)).join(" | ");

const parenthesised = (type: string): string => (type.includes(" ") ? `(${type})` : type);

const comment = (doc: string | undefined, indent: string): string =>
  doc ? `${indent}/** ${doc} */\n` : "";
