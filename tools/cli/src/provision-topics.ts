import { type Addresses, type Report, secondsSince } from "@sluice/local-stack";
import {
  provision,
  type Provisioned,
  provisioningOptionsOf,
  serviceAccounts,
  serviceRules,
} from "@sluice/provisioning";
import { fromEnvironment } from "./environment.ts";

/**
 * Creates missing topics, registers schemas, and reports settings that differ. With `grants`, also
 * grants each service's account its rights. Accounts, TLS, prefix, partitions and replication come
 * from the environment.
 *
 * @throws UsageError naming every variable that is wrong
 */
export async function provisionTopics(
  addresses: Pick<Addresses, "kafka" | "registry">,
  environment: NodeJS.ProcessEnv,
  report: Report,
  grants = false,
): Promise<Provisioned> {
  const startMs = Date.now();
  const settings = {
    ...environment,
    SLUICE_KAFKA_BROKERS: addresses.kafka,
    SLUICE_REGISTRY_URL: addresses.registry,
  };
  const options = fromEnvironment(() => provisioningOptionsOf(settings, "cli"));
  const access = grants ? serviceRules(options.kafka.topicPrefix) : [];
  const provisioned = await provision({ ...options, access });
  const { created, registered, differences } = provisioned;
  for (const difference of differences) report("topics", `differs: ${difference}`);
  if (grants)
    report("accounts", `${access.length} rights granted to ${serviceAccounts.length} accounts`);
  const counts = `${created.length} created, ${registered.length} schemas registered`;
  report("topics", `ready after ${secondsSince(startMs)}, ${counts}`);
  return provisioned;
}
