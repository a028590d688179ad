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
  /** The tenants that get their own topics of outcomes and charges; none if absent. */
  readonly tenantsWithTopics?: readonly string[];
  /** Rules to grant as well; none if absent. */
  readonly access?: readonly AccessRule[];
}

/** Every code this package throws. */
export type ProvisioningFaultCode = "PROVISION_REPLICATION_IMPOSSIBLE";

export interface Provisioned {
  /** Names of the topics that were missing and now exist, without prefix. */
  readonly created: readonly string[];
  /** Names of the topics whose schema is registered now, without prefix. */
  readonly registered: readonly string[];
  /** Settings of existing topics that differ from the catalogue, as sentences. They are not changed. */
  readonly differences: readonly string[];
}

/**
 * Creates missing topics and registers schemas, before any service starts. Safe to repeat, also
 * at the same time.
 *
 * @throws TransientFault while the broker or the registry does not answer; PermanentFault
 *   `CONTRACT_SCHEMA_UNREGISTERED` if the registry holds an incompatible version, and
 *   `PROVISION_REPLICATION_IMPOSSIBLE` if there are fewer brokers than replicas.
 */
export async function provision(options: ProvisioningOptions): Promise<Provisioned> {
  const plans = plansOf(options, options.tenantsWithTopics);
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
    `Cannot create topics: SLUICE_KAFKA_REPLICATION is ${replication}, but the cluster has ${brokers} ${brokers === 1 ? "broker" : "brokers"}. Set it to at most ${brokers}, or add brokers. Nothing was created.`,
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

/** Registers one schema after the other, because the registry's first calls are slow and it locks. */
async function register(options: ProvisioningOptions): Promise<readonly string[]> {
  const { registryUrl, registryAccess, kafka } = options;
  const registry = new SchemaRegistryClient(registryUrl, kafka.topicPrefix, registryAccess);
  const registered: string[] = [];
  for (const topic of allTopics) {
    // oxlint-disable-next-line no-await-in-loop -- the registry locks
    await registry.register(topic);
    registered.push(topic.name);
  }
  return registered;
}
