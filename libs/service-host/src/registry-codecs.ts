import { RegistryTopicCodecs, SchemaRegistryClient, type Topic } from "@sluice/contracts";
import { type KafkaConfig, type RegistryConfig, registryAccessOf } from "./connections.ts";

/**
 * Codecs that can write the named topics. A start fails here when the registry
 * lacks a schema that the service writes, or does not let us in.
 *
 * @throws what `TopicCodecs.prepare` throws
 */
export async function registryCodecs(
  config: RegistryConfig & Pick<KafkaConfig, "SLUICE_KAFKA_TOPIC_PREFIX">,
  written: readonly Topic<unknown>[],
): Promise<RegistryTopicCodecs> {
  const registry = new SchemaRegistryClient(
    config.SLUICE_REGISTRY_URL,
    config.SLUICE_KAFKA_TOPIC_PREFIX,
    registryAccessOf(config),
  );
  const codecs = new RegistryTopicCodecs(registry);
  await codecs.prepare(written);
  return codecs;
}
