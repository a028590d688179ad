import {
  accountNameOf,
  CLIENT,
  type Configuration,
  type Report,
  secondsSince,
} from "@sluice/local-stack";
import {
  clientRules,
  provision,
  type Provisioned,
  provisioningOptionsOf,
  serviceRules,
  type TenantAccess,
  tenantRules,
} from "@sluice/provisioning";
import type { AccessRule } from "@sluice/stage";
import { fromEnvironment } from "./environment.ts";

/** What is provisioned in addition to the topics and schemas of every installation. */
export interface Additional {
  /** The tenants that get their own topics. */
  readonly tenants: readonly TenantAccess[];
  /** The rights to grant. */
  readonly access: readonly AccessRule[];
}

/**
 * Creates missing topics, registers schemas, grants the rights, and reports settings that differ. Addresses, accounts,
 * TLS, prefix, partitions and replication come from the environment.
 *
 * @throws UsageError naming every variable that is wrong
 */
export async function provisionTopics(
  environment: NodeJS.ProcessEnv,
  report: Report,
  { tenants, access }: Additional,
): Promise<Provisioned> {
  const startMs = Date.now();
  const options = fromEnvironment(() => provisioningOptionsOf(environment, "cli"));
  const provisioned = await provision({
    ...options,
    access,
    tenantsWithTopics: tenants.map(({ tenant }) => tenant),
  });
  const { created, registered, differences } = provisioned;
  for (const difference of differences) report("topics", `differs: ${difference}`);
  const accounts = new Set(access.map(({ principal }) => principal));
  if (accounts.size > 0)
    report("accounts", `${access.length} rights granted to ${accounts.size} accounts`);
  const counts = `${created.length} created, ${registered.length} schemas registered`;
  report("topics", `ready after ${secondsSince(startMs)}, ${counts}`);
  return provisioned;
}

/**
 * Returns the rights of the accounts of the local stack: one for each service, one for the user's own programs, with any of
 * the API keys, and one for each tenant that has its own topics. Pure.
 */
export function localRules(
  { keyIds, tenantsWithTopics }: Pick<Configuration, "keyIds" | "tenantsWithTopics">,
  environment: NodeJS.ProcessEnv,
): readonly AccessRule[] {
  const prefix = environment["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "";
  const client = `User:${accountNameOf(CLIENT)}`;
  const ofKeys = keyIds.flatMap((keyId) => clientRules(client, keyId, prefix));
  return [...installationRules(tenantsWithTopics, prefix), ...ofKeys];
}

/** Returns the rights of the services, and of the tenants that have their own topics. Pure. */
export function installationRules(
  tenants: readonly TenantAccess[],
  topicPrefix: string,
): readonly AccessRule[] {
  const ids = tenants.map(({ tenant }) => tenant);
  const ofTenants = tenants.flatMap((tenant) => tenantRules(tenant, topicPrefix));
  return [...serviceRules(topicPrefix, ids), ...ofTenants];
}
