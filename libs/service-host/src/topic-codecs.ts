import { RegistryTopicCodecs, SchemaRegistryClient, type Topic } from "@sluice/contracts";

/** Codecs that can write the named topics; fails the start when the registry does not know our schemas. */
export async function registryCodecs(
  config: { readonly SLUICE_REGISTRY_URL: string; readonly SLUICE_KAFKA_TOPIC_PREFIX: string },
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
