import { copyFileSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Declarations, DeclarationsInvalid, FileDeclarations } from "@sluice/declarations";
import { repositoryRoot } from "./directories.ts";
import { StackFault } from "./faults.ts";
import { ensureSecret, secretFileOf } from "./secrets.ts";

const DEMO_KEY_ID = "demo";

interface GeneratedSecret {
  readonly variable: string;
  /** Its name in `secrets/` of the data directory. */
  readonly file: string;
}

const REPLAY_SECRET: GeneratedSecret = { variable: "SLUICE_REPLAY_SECRET", file: "replay-secret" };
const ATTRIBUTION_SECRET: GeneratedSecret = {
  variable: "SLUICE_ATTRIBUTION_SECRET",
  file: "attribution-secret",
};

/** A tenant and the ids of its API keys. */
export interface TenantKeys {
  readonly tenant: string;
  readonly keyIds: readonly string[];
}

/** The configuration of one stack: its `sluice.yaml` and the secrets that the file refers to. */
export interface Configuration {
  /** Path of sluice.yaml. */
  readonly path: string;
  /** The ids of all API keys. */
  readonly keyIds: readonly string[];
  /** The tenants that have their own topics on Kafka. */
  readonly tenantsWithTopics: readonly TenantKeys[];
  /** The whole API key of the demo tenant; null when the user brought a sluice.yaml. */
  readonly demoKey: string | null;
  /** The key that the provider simulator requires; null if the simulator accepts every client. */
  readonly simulatorKey: string | null;
  /** The key of the simulator's routes for its bill, its recorded calls and its script. */
  readonly simulatorControlKey: string;
  /** File with the secret by which operators replay messages; null if the environment provides the secret. */
  readonly replaySecretFile: string | null;
  /** File with the secret that signs who pays; null if the environment provides the secret. */
  readonly attributionSecretFile: string | null;
  /** Names of the environment variables behind `env:` secrets. Only the service that resolves them receives them. */
  readonly ingressSecrets: readonly string[];
  readonly adapterSecrets: readonly string[];
}

/**
 * Returns the configuration in `SLUICE_CONFIG`, or else the `sluice.yaml` of the data directory. The
 * first start creates that file with new secrets in `secrets/`. Later starts do not change it.
 *
 * @throws StackFault `STACK_CONFIG_INVALID` with every error of the file, or with every missing secret.
 */
export function prepareConfiguration(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Configuration {
  const operators = {
    simulatorControlKey: ensureSecret(dataDir, "simulator-control-key"),
    replaySecretFile: ensureSecretFile(dataDir, environment, REPLAY_SECRET),
    attributionSecretFile: ensureSecretFile(dataDir, environment, ATTRIBUTION_SECRET),
  };
  const chosen = environment["SLUICE_CONFIG"];
  if (chosen) {
    const path = resolve(chosen);
    const names = namesInFile(path, environment);
    return { path, demoKey: null, simulatorKey: null, ...operators, ...names };
  }
  const demoSecret = ensureSecret(dataDir, "demo-key");
  const simulatorKey = ensureSecret(dataDir, "simulator-key");
  const path = join(dataDir, "sluice.yaml");
  if (!existsSync(path)) copyFileSync(join(repositoryRoot, "infra", "local", "sluice.yaml"), path);
  const demoKey = `sk-sluice-${DEMO_KEY_ID}-${demoSecret}`;
  return { path, demoKey, simulatorKey, ...operators, ...namesInFile(path, environment) };
}

/** Returns where the local stack keeps the secret of replays. The command line reads it too. */
export function replaySecretFileOf(dataDir: string): string {
  return secretFileOf(dataDir, REPLAY_SECRET.file);
}

/** Returns the file of a generated secret; null if the environment provides the secret. */
function ensureSecretFile(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
  { variable, file }: GeneratedSecret,
): string | null {
  if (environment[variable] || environment[`${variable}_FILE`]) return null;
  ensureSecret(dataDir, file);
  return secretFileOf(dataDir, file);
}

function namesInFile(
  path: string,
  environment: NodeJS.ProcessEnv,
): Pick<Configuration, "keyIds" | "tenantsWithTopics" | "ingressSecrets" | "adapterSecrets"> {
  // The services receive the simulator's address from the launcher; its own environment does not contain it.
  const known = { SLUICE_SIMULATOR_URL: "http://127.0.0.1/v1", ...environment };
  try {
    const declarations = FileDeclarations.read(path, known);
    const keyIds = declarations.keys().map(({ id }) => id);
    const keys = declarations.keys().map(({ secretReference }) => secretReference);
    const providers = declarations.providers().flatMap(({ keyReferences }) => keyReferences);
    assertUsable(path, [
      () => declarations.keySecrets(),
      ...providers.map((reference) => () => declarations.secretOf(reference)),
    ]);
    return {
      keyIds,
      tenantsWithTopics: tenantsWithTopicsIn(declarations),
      ingressSecrets: namesIn(keys),
      adapterSecrets: namesIn(providers),
    };
  } catch (cause) {
    if (!(cause instanceof DeclarationsInvalid)) throw cause;
    throw new StackFault("STACK_CONFIG_INVALID", cause.message, { cause });
  }
}

/**
 * Checks that every secret can be used. The services check this too, but each of them would report only its
 * own secrets, and only after the whole stack had started.
 */
function assertUsable(path: string, secrets: readonly (() => unknown)[]): void {
  const wrong = secrets.flatMap((secret) => {
    try {
      secret();
      return [];
    } catch (error) {
      if (!(error instanceof DeclarationsInvalid)) throw error;
      return error.message.split("\n");
    }
  });
  if (wrong.length > 0)
    throw new DeclarationsInvalid(
      `${path} cannot be used:\n${[...new Set(wrong)].map((line) => `  ${line}`).join("\n")}`,
    );
}

/** Returns the tenants that have their own topics, with their keys. */
export function tenantsWithTopicsIn(declarations: Declarations): readonly TenantKeys[] {
  const keys = declarations.keys();
  return [...declarations.tenantsWithTopics()].map((tenant) => ({
    tenant,
    keyIds: keys.filter((key) => key.tenant === tenant).map(({ id }) => id),
  }));
}

function namesIn(references: readonly string[]): string[] {
  return references
    .filter((reference) => reference.startsWith("env:"))
    .map((reference) => reference.slice("env:".length));
}
