import { isTier, webAddressProblem } from "@sluice/domain";
import { isAlias, LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { budgetIssuesIn } from "./budgets/budget-issues.ts";
import { type Issue, listIn, memberOf, type Named, namesIn, type Path } from "./given-values.ts";
import { limitIssuesIn } from "./limits/limits-issues.ts";
import { protocolIssuesIn } from "./protocol-issues.ts";
import { type SluiceYaml, sluiceYaml } from "./schema.ts";
import { ownTopicIssuesIn } from "./tenants/own-topics.ts";
import { yamlBytesMax, type YamlProblem, yamlProblemsIn } from "./yaml-bounds.ts";

/** One error in the file. */
export interface DeclarationError {
  /** Counted from 1; undefined if the error concerns the file as a whole. */
  readonly line: number | undefined;
  /** For example `models[2].tier`; empty if the error concerns the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Parsed =
  | {
      readonly kind: "valid";
      readonly declared: SluiceYaml;
      /** The content of the file as plain values, without defaults. */
      readonly given: unknown;
    }
  | { readonly kind: "invalid"; readonly errors: readonly DeclarationError[] };

type YamlDocument = Document.Parsed;

/** Further errors are counted. Each one needs a search for its line. */
const errorsMax = 100;

/**
 * Returns the declarations, or the errors of the text with their lines. Time and memory are bounded for every text.
 * Pure.
 */
export function parseDeclarations(text: string): Parsed {
  if (Buffer.byteLength(text) > yamlBytesMax) return invalid([tooLong]);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const problems = problemsOf(document);
  if (problems.length > 0)
    return invalid(
      problems.map(({ offset, message }) => () => ({
        line: offset === undefined ? undefined : lines.linePos(offset).line,
        path: "",
        message,
      })),
    );

  // The problems above include every alias that the parser would refuse.
  const given: unknown = document.toJS({ maxAliasCount: -1 });
  const checked = checkDeclared(given);
  if (checked.kind === "valid") return { kind: "valid", declared: checked.declared, given };
  return invalid(
    checked.issues.map(({ path, message }) => () => ({
      line: lineOf(document, lines, path),
      path: formatPath(path),
      message,
    })),
  );
}

type Checked =
  | { readonly kind: "valid"; readonly declared: SluiceYaml }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/** Checks the content of a file, or of the control topics, by everything that can be wrong with it. Pure. */
export function checkDeclared(given: unknown): Checked {
  const result = sluiceYaml.safeParse(given);
  const issues = [
    ...(result.error?.issues ?? []).flatMap(issuesOf),
    ...contradictionsIn(given),
    ...unusableIn(given),
    ...protocolIssuesIn(given),
    ...limitIssuesIn(given),
    ...budgetIssuesIn(given),
    ...ownTopicIssuesIn(given),
  ];
  if (result.success && issues.length === 0) return { kind: "valid", declared: result.data };
  return { kind: "invalid", issues };
}

const wholeFile = { line: undefined, path: "" };

/** The error of a file that is not read, because its length has no bound. */
const tooLong = (): DeclarationError => ({
  ...wholeFile,
  message: `the file is longer than ${yamlBytesMax} bytes: remove what is not needed`,
});

export function tooLongDeclarations(): Parsed {
  return invalid([tooLong]);
}

function invalid(found: readonly (() => DeclarationError)[]): Parsed {
  const errors = found.slice(0, errorsMax).map((error) => error());
  const further = found.length - errors.length;
  const sorted = errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const rest = { ...wholeFile, message: `${further} more errors: correct these first` };
  return { kind: "invalid", errors: further > 0 ? [...sorted, rest] : sorted };
}

function problemsOf(document: YamlDocument): readonly YamlProblem[] {
  if (document.errors.length === 0) return yamlProblemsIn(document.contents);
  return document.errors.map(({ code, message, pos }) => ({
    offset: pos[0],
    message:
      code === "RESOURCE_EXHAUSTION"
        ? "lists and maps are nested too deeply to be read: remove some"
        : message.split("\n")[0]!,
  }));
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
    ...repeated("budget", namesIn(listIn(given, "budgets"), "id", ["budgets"])),
    ...wanted
      .filter(({ name }) => !declared.has(name))
      .map(({ name, path }) => ({
        path,
        message: `no provider has the id "${name}": declare it under providers, or correct the name`,
      })),
  ];
}

/** Finds values that are well formed and that no service can use. */
function unusableIn(given: unknown): readonly Issue[] {
  const models = namesIn(listIn(given, "models"), "id", ["models"]);
  const providers = listIn(given, "providers");
  return [
    ...models
      .filter(({ name }) => name === "auto" || isTier(name))
      .map(({ name, path }) => ({
        path,
        message: `"${name}" in a request lets Sluice choose the model, so no request can name this one: rename it`,
      })),
    ...providers.flatMap((provider, index) => {
      const address = memberOf(provider, "baseUrl");
      if (typeof address !== "string" || address.startsWith("env:")) return [];
      const message = baseUrlProblem(address, memberOf(provider, "allowPlainHttp") === true);
      return message === undefined ? [] : [{ path: ["providers", index, "baseUrl"], message }];
    }),
  ];
}

/** Returns what is wrong with the address of a provider, or undefined. The text does not contain the address. */
export function baseUrlProblem(address: string, allowPlainHttp: boolean): string | undefined {
  const problem = webAddressProblem(address, {
    allowPlainHttp,
    allowedBy: "allowPlainHttp: true for this provider",
  });
  return problem === undefined ? undefined : `the address ${problem}`;
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

export function formatPath(path: Path): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
    .join("")
    .replace(/^\./, "");
}

function plainKey(key: PropertyKey): string | number {
  return typeof key === "symbol" ? String(key) : key;
}
