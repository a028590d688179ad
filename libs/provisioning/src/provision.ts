import { allTopics, type RegistryAccess, SchemaRegistryClient } from "@sluice/contracts";
import { PermanentFault } from "@sluice/domain";
import {
  type AccessRule,
  KafkaAccess,
  type KafkaConnection,
  KafkaTopicAdmin,
  type TopicAdmin,
} from "@sluice/stage";
import { differencesOf, plansOf, type TopicDefaults } from "./topic-plan.ts";

export interface ProvisioningOptions extends TopicDefaults {
  readonly kafka: KafkaConnection;
  readonly registryUrl: string;
  readonly registryAccess?: RegistryAccess;
  /** Granted beside; none when absent. */
  readonly access?: readonly AccessRule[];
}

/** Every code this package throws. */
export type ProvisioningFaultCode = "PROVISION_REPLICATION_IMPOSSIBLE";

export interface Provisioned {
  /** Names of the topics that were missing, without prefix. */
  readonly created: readonly string[];
  /** Names of the topics whose schema is registered now. */
  readonly registered: readonly string[];
  /** Settings of existing topics that are not as the catalogue says; named, not changed. */
  readonly differences: readonly string[];
}

/**
 * Creates missing topics and registers schemas, before any service starts.
 * Safe to repeat, also at the same time.
 *
 * @throws TransientFault while the broker or the registry does not answer; PermanentFault
 *   `CONTRACT_SCHEMA_UNREGISTERED` when the registry holds an incompatible version, and
 *   `PROVISION_REPLICATION_IMPOSSIBLE` when there are fewer brokers than replicas asked for.
 */
export async function provision(options: ProvisioningOptions): Promise<Provisioned> {
  const plans = plansOf(options);
  const admin = new KafkaTopicAdmin(options.kafka);
  try {
    await assertEnoughBrokers(admin, options.replication);
    const created = await admin.create(plans);
    const found = await admin.describe(plans.map(({ name }) => name));
    if (options.access?.length) await grant(options.kafka, options.access);
    const registered = await register(options);
    return { created, registered, differences: differencesOf(plans, found) };
  } finally {
    await admin.close();
  }
}

async function assertEnoughBrokers(admin: TopicAdmin, replication: number): Promise<void> {
  const brokers = await admin.brokerCount();
  if (replication <= brokers) return;
  const code: ProvisioningFaultCode = "PROVISION_REPLICATION_IMPOSSIBLE";
  throw new PermanentFault(
    code,
    `A replication of ${replication} needs as many brokers, and there ${brokers === 1 ? "is 1" : `are ${brokers}`}: set SLUICE_KAFKA_REPLICATION to at most ${brokers}, or add brokers. Nothing was created.`,
  );
}

async function grant(kafka: KafkaConnection, rules: readonly AccessRule[]): Promise<void> {
  const access = new KafkaAccess(kafka);
  try {
    await access.grant(rules);
  } finally {
    await access.close();
  }
}

/** One after the other: the registry's first calls are slow, and it locks. */
async function register(options: ProvisioningOptions): Promise<readonly string[]> {
  const { registryUrl, registryAccess, kafka } = options;
  const registry = new SchemaRegistryClient(registryUrl, kafka.topicPrefix, registryAccess);
  const registered: string[] = [];
  for (const topic of allTopics) {
    // oxlint-disable-next-line no-await-in-loop -- in order, on purpose
    await registry.register(topic);
    registered.push(topic.name);
  }
  return registered;
}
