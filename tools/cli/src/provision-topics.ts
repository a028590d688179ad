import { accountNameOf, CLIENT, type Report, secondsSince } from "@sluice/local-stack";
import {
  clientRules,
  provision,
  type Provisioned,
  provisioningOptionsOf,
  serviceRules,
} from "@sluice/provisioning";
import type { AccessRule } from "@sluice/stage";
import { fromEnvironment } from "./environment.ts";

/**
 * Creates missing topics, registers schemas, grants the rights, and reports settings that differ. Addresses, accounts,
 * TLS, prefix, partitions and replication come from the environment.
 *
 * @throws UsageError naming every variable that is wrong
 */
export async function provisionTopics(
  environment: NodeJS.ProcessEnv,
  report: Report,
  access: readonly AccessRule[] = [],
): Promise<Provisioned> {
  const startMs = Date.now();
  const options = fromEnvironment(() => provisioningOptionsOf(environment, "cli"));
  const provisioned = await provision({ ...options, access });
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
 * Returns the rights of the accounts of the local stack: one for each service, and one for the user's own programs, with
 * any of the API keys. Pure.
 */
export function localRules(
  keyIds: readonly string[],
  environment: NodeJS.ProcessEnv,
): readonly AccessRule[] {
  const prefix = environment["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "";
  const client = `User:${accountNameOf(CLIENT)}`;
  const ofKeys = keyIds.flatMap((keyId) => clientRules(client, keyId, prefix));
  return [...serviceRules(prefix), ...ofKeys];
}
