import { isAlias, LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { type SluiceYaml, sluiceYaml } from "./schema.ts";

/** One error in the file. */
export interface DeclarationError {
  /** Counted from 1; undefined if the error concerns the file as a whole. */
  readonly line: number | undefined;
  /** For example `models[2].tier`; empty if the error concerns the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Parsed =
  | { readonly kind: "valid"; readonly declared: SluiceYaml }
  | { readonly kind: "invalid"; readonly errors: readonly DeclarationError[] };

type Path = readonly (string | number)[];
type YamlDocument = Document.Parsed;

/** Returns the declarations, or all errors of the text with their lines. Pure. */
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

  const given: unknown = document.toJS({ maxAliasCount: 100 });
  const result = sluiceYaml.safeParse(given);
  const issues = [...(result.error?.issues ?? []).flatMap(issuesOf), ...contradictionsIn(given)];
  if (result.success && issues.length === 0) return { kind: "valid", declared: result.data };
  const errors = issues.map(({ path, message }) => ({
    line: lineOf(document, lines, path),
    path: formatPath(path),
    message,
  }));
  return { kind: "invalid", errors: errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
}

interface Issue {
  readonly path: Path;
  readonly message: string;
}

/** Reports each unknown key as an error of its own, on its own line. */
function issuesOf(issue: z.core.$ZodIssue): readonly Issue[] {
  const path = issue.path.map(plainKey);
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({
    path: [...path, key],
    message: "unknown key: remove it, or correct its name",
  }));
}

/** Finds contradictions between fields. They are reported together with the errors of single fields. */
function contradictionsIn(given: unknown): readonly Issue[] {
  const tenants = listIn(given, "tenants");
  const keys = tenants.flatMap((tenant, index) =>
    namesIn(listIn(tenant, "keys"), "id", ["tenants", index, "keys"]),
  );
  const [providers, models] = [listIn(given, "providers"), listIn(given, "models")];
  const declared = new Set(namesIn(providers, "id", []).map(({ name }) => name));
  const wanted = namesIn(models, "provider", ["models"]);
  return [
    ...repeated("tenant", namesIn(tenants, "id", ["tenants"])),
    ...repeated("key", keys),
    ...repeated("provider", namesIn(providers, "id", ["providers"])),
    ...repeated("model", namesIn(models, "id", ["models"])),
    ...wanted
      .filter(({ name }) => !declared.has(name))
      .map(({ name, path }) => ({
        path,
        message: `no provider has the id "${name}": declare it under providers, or correct the name`,
      })),
  ];
}

interface Named {
  readonly name: string;
  readonly path: Path;
}

function repeated(what: string, entries: readonly Named[]): readonly Issue[] {
  const seen = new Set<string>();
  return entries.flatMap(({ name, path }) => {
    const again = seen.has(name);
    seen.add(name);
    return again
      ? [{ path, message: `another ${what} has the id "${name}": rename one of them` }]
      : [];
  });
}

function namesIn(entries: readonly unknown[], member: string, path: Path): readonly Named[] {
  return entries.flatMap((entry, index) => {
    const name = memberOf(entry, member);
    return typeof name === "string" ? [{ name, path: [...path, index, member] }] : [];
  });
}

function listIn(value: unknown, member: string): readonly unknown[] {
  const list = memberOf(value, member);
  return Array.isArray(list) ? list : [];
}

function memberOf(value: unknown, member: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, member) : undefined;
}

/** Returns the line of the node, or of the nearest node around it that the file contains. */
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
