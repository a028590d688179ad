import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { DeclarationsInvalid, FileDeclarations } from "@sluice/declarations";
import { repositoryRoot } from "./directories.ts";
import { StackFault } from "./faults.ts";

const DEMO_KEY_ID = "demo";
const SECRET_BYTES = 24;

/** What the services of one stack are told by files. */
export interface Configuration {
  /** Path of sluice.yaml. */
  readonly path: string;
  /** The whole API key of the demo tenant; null when the user brought a sluice.yaml. */
  readonly demoKey: string | null;
  /** What the provider simulator accepts; null lets everybody in. */
  readonly simulatorKey: string | null;
  /** Names of the environment behind `env:` secrets, which no other service is given. */
  readonly ingressSecrets: readonly string[];
  readonly adapterSecrets: readonly string[];
}

/**
 * `SLUICE_CONFIG`, else the data directory's own sluice.yaml: made at the first start, with
 * fresh secrets beside it, and left alone from then on.
 *
 * @throws StackFault `STACK_CONFIG_INVALID` with every error of the file, or every secret that is missing.
 */
export function prepareConfiguration(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Configuration {
  const chosen = environment["SLUICE_CONFIG"];
  if (chosen) {
    const path = resolve(chosen);
    return { path, demoKey: null, simulatorKey: null, ...secretNamesOf(path, environment) };
  }
  const demoSecret = ensureSecret(dataDir, "demo-key");
  const simulatorKey = ensureSecret(dataDir, "simulator-key");
  const path = join(dataDir, "sluice.yaml");
  if (!existsSync(path)) copyFileSync(join(repositoryRoot, "infra", "local", "sluice.yaml"), path);
  const demoKey = `sk-sluice-${DEMO_KEY_ID}-${demoSecret}`;
  return { path, demoKey, simulatorKey, ...secretNamesOf(path, environment) };
}

/** Whole or absent: a launcher killed here leaves no empty secret. */
function ensureSecret(dataDir: string, name: string): string {
  const folder = join(dataDir, "secrets");
  const file = join(folder, name);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = `${file}.new`;
    writeFileSync(draft, randomBytes(SECRET_BYTES).toString("hex"), { mode: 0o600 });
    renameSync(draft, file);
  }
  return readFileSync(file, "utf8").trim();
}

function secretNamesOf(
  path: string,
  environment: NodeJS.ProcessEnv,
): Pick<Configuration, "ingressSecrets" | "adapterSecrets"> {
  // The simulator's address is given to the services, not to the launcher.
  const known = { SLUICE_SIMULATOR_URL: "http://127.0.0.1/v1", ...environment };
  try {
    const declarations = FileDeclarations.read(path, known);
    const keys = declarations.keys().map(({ secretReference }) => secretReference);
    const providers = declarations.providers().flatMap(({ keyReferences }) => keyReferences);
    assertThere([...keys, ...providers], path, (reference) => declarations.secretOf(reference));
    return { ingressSecrets: namesIn(keys), adapterSecrets: namesIn(providers) };
  } catch (cause) {
    if (!(cause instanceof DeclarationsInvalid)) throw cause;
    throw new StackFault("STACK_CONFIG_INVALID", cause.message, { cause });
  }
}

/** Services would say it too, one each, after everything was started for nothing. */
function assertThere(
  references: readonly string[],
  path: string,
  secretOf: (reference: string) => string,
): void {
  const missing = references.flatMap((reference) => {
    try {
      secretOf(reference);
      return [];
    } catch (error) {
      return [`  ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  if (missing.length > 0)
    throw new DeclarationsInvalid(`${path} cannot be used:\n${[...new Set(missing)].join("\n")}`);
}

function namesIn(references: readonly string[]): string[] {
  return references
    .filter((reference) => reference.startsWith("env:"))
    .map((reference) => reference.slice("env:".length));
}
