import { allTopics, SchemaRegistryClient } from "@sluice/contracts";
import { type KafkaConnection, KafkaTopicAdmin } from "@sluice/stage";
import { differencesOf, plansOf, type TopicDefaults } from "./topic-plan.ts";

export interface ProvisioningOptions extends TopicDefaults {
  readonly kafka: KafkaConnection;
  readonly registryUrl: string;
}

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
 *   `CONTRACT_SCHEMA_UNREGISTERED` when the registry holds an incompatible version.
 */
export async function provision(options: ProvisioningOptions): Promise<Provisioned> {
  const plans = plansOf(options);
  const admin = new KafkaTopicAdmin(options.kafka);
  try {
    const created = await admin.create(plans);
    const found = await admin.describe(plans.map(({ name }) => name));
    const registered = await register(options);
    return { created, registered, differences: differencesOf(plans, found) };
  } finally {
    await admin.close();
  }
}

/** One after the other: the registry's first calls are slow, and it locks. */
async function register({ registryUrl, kafka }: ProvisioningOptions): Promise<readonly string[]> {
  const registry = new SchemaRegistryClient(registryUrl, kafka.topicPrefix);
  const registered: string[] = [];
  for (const topic of allTopics) {
    // oxlint-disable-next-line no-await-in-loop -- in order, on purpose
    await registry.register(topic);
    registered.push(topic.name);
  }
  return registered;
}
