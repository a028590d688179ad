import { RegistryTopicCodecs, SchemaRegistryClient, type Topic } from "@sluice/contracts";

/** The part of a service's configuration that says where the registry is. */
export interface RegistryConfig {
  readonly SLUICE_REGISTRY_URL: string;
  readonly SLUICE_KAFKA_TOPIC_PREFIX: string;
}

/**
 * Codecs that can write the named topics. A start fails here when the registry
 * lacks a schema that the service writes.
 *
 * @throws what `TopicCodecs.prepare` throws
 */
export async function registryCodecs(
  config: RegistryConfig,
  written: readonly Topic<unknown>[],
): Promise<RegistryTopicCodecs> {
  const registry = new SchemaRegistryClient(
    config.SLUICE_REGISTRY_URL,
    config.SLUICE_KAFKA_TOPIC_PREFIX,
  );
  const codecs = new RegistryTopicCodecs(registry);
  await codecs.prepare(written);
  return codecs;
}
