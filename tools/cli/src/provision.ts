import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RegistryAccess } from "@sluice/contracts";
import { DeclarationsInvalid, FileDeclarations } from "@sluice/declarations";
import { TransientFault } from "@sluice/domain";
import { tenantsWithTopicsIn } from "@sluice/local-stack";
import { aclCommandOf, provisioningOptionsOf, type TenantAccess } from "@sluice/provisioning";
import type { AccessRule } from "@sluice/stage";
import { fromEnvironment } from "./environment.ts";
import { operatorEnvironment } from "./operator-environment.ts";
import { printToStderr, labelledLine, print, printJson } from "./output.ts";
import { installationRules, provisionTopics } from "./provision-topics.ts";
import { UsageError } from "./usage-error.ts";

const answerLimitMs = 10_000;
const compatibility = "FULL_TRANSITIVE";

export interface ProvisionOptions {
  readonly setCompatibility: boolean;
  /** Grant each service's account its rights. */
  readonly acls: boolean;
  /** Only print those grants. */
  readonly printAcls: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

/**
 * Runs `sluice provision` on the Kafka and the registry that the environment names, or else on those of the local stack.
 *
 * @throws UsageError
 */
export async function provision(options: ProvisionOptions): Promise<number> {
  const tenants = declaredTenants(options.dataDir, process.env);
  const prefix = process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "";
  if (options.printAcls) return printAcls(installationRules(tenants, prefix), options.json);
  const environment = operatorEnvironment(options.dataDir);
  if (options.setCompatibility) await setCompatibility(environment);
  const write = options.json ? printToStderr : print;
  const provisioned = await provisionTopics(
    environment,
    (name, text) => write(labelledLine(name, text)),
    { tenants, access: options.acls ? installationRules(tenants, prefix) : [] },
  );
  if (options.json) printJson(provisioned);
  return 0;
}

/**
 * Returns the tenants that have their own topics: in the file that SLUICE_CONFIG names, or else in that of the local stack.
 *
 * @throws UsageError with the errors of the file
 */
function declaredTenants(dataDir: string, environment: NodeJS.ProcessEnv): readonly TenantAccess[] {
  const path = environment["SLUICE_CONFIG"] || join(dataDir, "sluice.yaml");
  if (!environment["SLUICE_CONFIG"] && !existsSync(path)) return [];
  try {
    return tenantsWithTopicsIn(FileDeclarations.read(path, environment));
  } catch (error) {
    if (error instanceof DeclarationsInvalid) throw new UsageError(error.message);
    throw error;
  }
}

/** Prints the grants for operators who set ACLs with another tool. */
function printAcls(rules: readonly AccessRule[], json: boolean): number {
  if (json) printJson(rules);
  else for (const rule of rules) print(`${aclCommandOf(rule)}\n`);
  return 0;
}

/** Sets the registry's global level. Without one, Apicurio accepts any schema. */
async function setCompatibility(environment: NodeJS.ProcessEnv): Promise<void> {
  const { registryUrl: registry, registryAccess } = fromEnvironment(() =>
    provisioningOptionsOf(environment, "cli"),
  );
  const answer = await fetch(`${registry.replace(/\/$/, "")}/config`, {
    method: "PUT",
    body: JSON.stringify({ compatibility }),
    headers: { "content-type": "application/json", ...authorizationOf(registryAccess) },
    signal: AbortSignal.timeout(answerLimitMs),
  }).catch((cause: unknown) => {
    throw unavailable(registry, "does not answer. Check SLUICE_REGISTRY_URL", cause);
  });
  if (!answer.ok)
    throw unavailable(
      registry,
      `refused the compatibility level ${compatibility} with status ${answer.status}`,
    );
}

function authorizationOf(access: RegistryAccess = {}): Readonly<Record<string, string>> {
  const { basic, token } = access;
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (!basic) return {};
  const login = Buffer.from(`${basic.username}:${basic.password}`).toString("base64");
  return { authorization: `Basic ${login}` };
}

/** Names the registry without its path and without a password that its URL may contain. */
function unavailable(registry: string, reason: string, cause?: unknown): TransientFault {
  const address = URL.parse(registry)?.origin ?? "SLUICE_REGISTRY_URL";
  return new TransientFault(
    "CONTRACT_REGISTRY_UNAVAILABLE",
    `The schema registry at ${address} ${reason}.`,
    { cause },
  );
}
