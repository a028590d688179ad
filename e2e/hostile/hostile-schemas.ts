const nothing = { type: "record", name: "Nothing", fields: [] };
const zeroBytes = { type: "fixed", name: "Zero", size: 0 };
const self = { type: "record", name: "Self", fields: [{ name: "self", type: ["null", "Self"] }] };
const nulls = Array.from({ length: 2_000 }, (_, at) => ({ name: `f${at}`, type: "null" }));

/** Records of which each contains the next one twice: a few bytes would be 2^depth values. */
function doubled(depth: number): unknown {
  let type: unknown = "null";
  for (let level = 0; level < depth; level += 1)
    type = {
      type: "record",
      name: `Level${level}`,
      fields: [
        { name: "a", type },
        { name: "b", type: level === 0 ? "null" : `Level${level - 1}` },
      ],
    };
  return type;
}

/** Types of a field whose values need less bytes than time or memory. */
const hostileTypes: readonly unknown[] = [
  { type: "array", items: "null" },
  { type: "map", values: "null" },
  { type: "array", items: nothing },
  { type: "array", items: zeroBytes },
  { type: "array", items: { type: "array", items: "null" } },
  { type: "array", items: ["null", nothing] },
  { type: "array", items: { type: "record", name: "Nulls", fields: nulls } },
  { type: "array", items: doubled(30) },
  doubled(40),
  self,
  { type: "array", items: "string" },
  { type: "map", values: { type: "map", values: "bytes" } },
  { type: "array", items: "boolean" },
  { type: "enum", name: "Many", symbols: Array.from({ length: 5_000 }, (_, at) => `S${at}`) },
];

/** A subject of the registry, and its address without the path. */
export interface Subject {
  readonly registryUrl: string;
  readonly name: string;
}

/**
 * Registers our schema of the subject with each hostile type as one more field in front. A schema that the
 * registry refuses there is registered under another subject. Returns the ids.
 */
export async function registerHostileSchemas({
  registryUrl,
  name,
}: Subject): Promise<readonly number[]> {
  const subjects = `${registryUrl}/subjects`;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API of the registry
  const first = (await (await fetch(`${subjects}/${name}/versions/1`)).json()) as {
    readonly schema: string;
  };
  const own: { readonly fields: readonly unknown[] } = JSON.parse(first.schema);
  const ids: number[] = [];
  for (const [at, type] of hostileTypes.entries()) {
    const field = { name: `hostile${at}`, type: ["null", type], default: null };
    const schema = { ...own, fields: [field, ...own.fields] };
    // oxlint-disable-next-line no-await-in-loop -- each version is compared with those before
    const id = await register(`${subjects}/${name}`, schema);
    // oxlint-disable-next-line no-await-in-loop -- as above
    ids.push(id ?? (await register(`${subjects}/hostile-${at}-${name}`, schema)) ?? 0);
  }
  return ids;
}

/** Returns the id, or undefined if the registry refuses the schema. */
async function register(subject: string, schema: object): Promise<number | undefined> {
  const response = await fetch(`${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API of the registry
  return ((await response.json()) as { readonly id?: number }).id;
}
