import { isAlias, LineCounter, parseDocument, type Document } from "yaml";
import { type SluiceYaml, sluiceYaml } from "./schema.ts";

/** One thing that is wrong with the file. */
export interface DeclarationError {
  /** From 1; undefined where the error is about the file as a whole. */
  readonly line: number | undefined;
  /** `models[2].tier`, empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Parsed =
  | { readonly kind: "valid"; readonly declared: SluiceYaml }
  | { readonly kind: "invalid"; readonly errors: readonly DeclarationError[] };

type Path = readonly (string | number)[];
type YamlDocument = Document.Parsed;

/** Everything that is wrong with the text, at once, with lines. Pure. */
export function parseDeclarations(text: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0)
    return {
      kind: "invalid",
      errors: document.errors.map(({ message, pos }) => ({
        line: lines.linePos(pos[0]).line,
        path: "",
        message: message.split("\n")[0]!,
      })),
    };

  const result = sluiceYaml.safeParse(document.toJS({ maxAliasCount: 100 }));
  const issues: readonly Issue[] = result.success
    ? contradictionsOf(result.data)
    : result.error.issues.map(({ path, message }) => ({ path: path.map(plainKey), message }));
  if (result.success && issues.length === 0) return { kind: "valid", declared: result.data };
  return {
    kind: "invalid",
    errors: issues.map(({ path, message }) => ({
      line: lineOf(document, lines, path),
      path: formatPath(path),
      message,
    })),
  };
}

interface Issue {
  readonly path: Path;
  readonly message: string;
}

/** What no single field can be blamed for. */
function contradictionsOf(declared: SluiceYaml): readonly Issue[] {
  const keys = declared.tenants.flatMap(({ keys: own }, tenant) =>
    own.map(({ id }, key) => ({ id, path: ["tenants", tenant, "keys", key, "id"] as Path })),
  );
  const at = (list: "tenants" | "providers" | "models") =>
    declared[list].map(({ id }, index) => ({ id, path: [list, index, "id"] as Path }));
  const providers = new Set(declared.providers.map(({ id }) => id));
  return [
    ...repeated("tenant", at("tenants")),
    ...repeated("key", keys),
    ...repeated("provider", at("providers")),
    ...repeated("model", at("models")),
    ...declared.models.flatMap(({ provider }, index) =>
      providers.has(provider)
        ? []
        : [
            {
              path: ["models", index, "provider"],
              message: `no provider has the id "${provider}"`,
            },
          ],
    ),
  ];
}

function repeated(what: string, entries: readonly { id: string; path: Path }[]): readonly Issue[] {
  const seen = new Set<string>();
  return entries.flatMap(({ id, path }) => {
    const again = seen.has(id);
    seen.add(id);
    return again ? [{ path, message: `another ${what} has the id "${id}"` }] : [];
  });
}

/** The line of the node, or of the nearest one around it that is in the file. */
function lineOf(document: YamlDocument, lines: LineCounter, path: Path): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (hasRange(node) && !isAlias(node)) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);
}

function formatPath(path: Path): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
    .join("")
    .replace(/^\./, "");
}

function plainKey(key: PropertyKey): string | number {
  return typeof key === "symbol" ? String(key) : key;
}
