import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parse } from "yaml";

export const root = resolve(import.meta.dirname, "..", "..", "..");

export interface Container {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly restart: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly networks?: readonly string[];
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
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Returns the name of an image with its version and without its digest. */
export function withoutDigest(image: string): string {
  return image.replace(/@.*$/, "");
}

/**
 * Returns `docker-compose.yml` as Compose reads it with the given variables. It supports the part of
 * Compose's syntax that the file uses.
 *
 * @throws Error for a `$` that Compose would interpolate
 */
export function composeWith(variables: Readonly<Record<string, string>>): Compose {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests check the members that they use
  return interpolated(parse(textOf("docker-compose.yml"), { merge: true }), variables) as Compose;
}

/** Returns the secrets that the script of the README generates, by the names of their files. */
export function generatedSecrets(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-compose-"));
  execFileSync(join(root, "infra/images/config/compose-secrets.sh"), [folder]);
  const secrets = readdirSync(folder).map((name) => {
    return [name, readFileSync(join(folder, name), "utf8").trimEnd()] as const;
  });
  rmSync(folder, { recursive: true });
  return new Map(secrets);
}

/**
 * Returns the variables as a program reads them: in place of each variable that ends in _FILE, the one without
 * that ending, with the content of the secret.
 *
 * @throws Error for a file that is not a secret of the container
 */
export function environmentWith(
  { environment = {}, secrets = [] }: Container,
  contents: ReadonlyMap<string, string>,
): Record<string, string> {
  const entries = Object.entries(environment).map(([key, value]) => {
    if (!key.endsWith("_FILE")) return [key, value] as const;
    const name = basename(value);
    const content = contents.get(name);
    if (value !== `/run/secrets/${name}` || !secrets.includes(name) || content === undefined)
      throw new Error(`${key} names ${value}, which is not a secret of the container.`);
    return [key.replace(/_FILE$/, ""), content] as const;
  });
  return Object.fromEntries(entries);
}

function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return withVariables(value, variables);
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, interpolated(each, variables)]),
  );
}

/** Replaces `${NAME:-default}`. Any other `$` is a mistake in the file. */
function withVariables(text: string, variables: Readonly<Record<string, string>>): string {
  const whole = text.replaceAll(
    /\$\{(\w+):-([^}]*)\}/g,
    (_, name: string, preset: string) => variables[name] ?? preset,
  );
  if (/(?<!\$)\$(?!\$)/.test(whole)) throw new Error(`Compose would interpolate "${whole}".`);
  return whole.replaceAll("$$", "$");
}
