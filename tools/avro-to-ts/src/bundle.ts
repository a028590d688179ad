import type { NamedSchema, Schema } from "./render.ts";

/**
 * Returns one self-contained schema for a record. Every type that it refers to is inlined at its first
 * use, because we register schemas without references.
 *
 * @throws if there is no schema named `root`
 */
export function bundle(root: string, files: ReadonlyMap<string, NamedSchema>): NamedSchema {
  const seen = new Set<string>();

  function inline(schema: Schema): Schema {
    if (typeof schema === "string") {
      const named = files.get(schema);
      return named && !seen.has(schema) ? declare(schema, named) : schema;
    }
    if (isUnion(schema)) return schema.map((branch) => inline(branch));
    const { items, values } = schema;
    return {
      ...schema,
      ...(items === undefined ? {} : { items: inline(items) }),
      ...(values === undefined ? {} : { values: inline(values) }),
    };
  }

  function declare(name: string, schema: NamedSchema): NamedSchema {
    seen.add(name);
    if (!schema.fields) return schema;
    return {
      ...schema,
      fields: schema.fields.map((field) => ({ ...field, type: inline(field.type) })),
    };
  }

  const schema = files.get(root);
  if (!schema) throw new Error(`There is no schema named "${root}".`);
  return declare(root, schema);
}

const isUnion = (schema: Schema): schema is readonly Schema[] => Array.isArray(schema);
