import { RegistryTopicCodecs, SchemaRegistryClient, type Topic } from "@sluice/contracts";
import { type KafkaConfig, type RegistryConfig, registryAccessOf } from "./connections.ts";

/**
 * Returns codecs that can write the given topics. The start of a service fails here if the
 * registry lacks a schema that the service writes, or denies access.
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
