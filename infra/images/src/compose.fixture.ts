import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";

export const root = resolve(import.meta.dirname, "..", "..", "..");

export interface Container {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly restart: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] };
}

export interface Compose {
  readonly services: Readonly<Record<string, Container>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/**
 * Returns `docker-compose.yml` as Compose reads it with the given variables. It supports the part of
 * Compose's syntax that the file uses.
 *
 * @throws Error if a required variable is missing, or for a `$` that Compose would interpolate
 */
export function composeWith(variables: Readonly<Record<string, string>>): Compose {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests check the members that they use
  return interpolated(parse(textOf("docker-compose.yml"), { merge: true }), variables) as Compose;
}

/** Returns the variables without which Compose refuses to start. */
export function requiredVariables(): readonly string[] {
  const named = [...textOf("docker-compose.yml").matchAll(/\$\{(\w+):\?/g)];
  const secret = Object.values(composeWith(generated(named.map(([, name = ""]) => name))).secrets);
  const names = [...named.map(([, name = ""]) => name), ...secret.map((each) => each.environment)];
  return [...new Set(names)].toSorted();
}

/** Returns a value for each name, in place of the one that a user generates. */
export function generated(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, `generated-${name.toLowerCase()}`]));
}

function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return withVariables(value, variables);
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, interpolated(each, variables)]),
  );
}

/** Replaces `${NAME:-default}` and `${NAME:?message}`. Any other `$` is a mistake in the file. */
function withVariables(text: string, variables: Readonly<Record<string, string>>): string {
  const whole = text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind, preset) => {
    const value = variables[name];
    if (value === undefined && kind === "?") throw new Error(`${name} is not set: ${preset}`);
    return value ?? String(preset);
  });
  if (/(?<!\$)\$(?!\$)/.test(whole)) throw new Error(`Compose would interpolate "${whole}".`);
  return whole.replaceAll("$$", "$");
}
