import {
  countKey,
  kafkaConnectionOf,
  kafkaKeys,
  parseConfig,
  registryAccessOf,
  registryKeys,
} from "@sluice/service-host/environment";
import { z } from "zod";
import type { ProvisioningOptions } from "./provision.ts";

/** The environment of provisioning: the connections of the services, with an account that may create topics. */
export const provisioningSchema = z.object({
  ...kafkaKeys,
  ...registryKeys,
  SLUICE_KAFKA_PARTITIONS: countKey(
    4,
    { min: 1, max: 10_000 },
    "Number of partitions of each topic.",
  ),
  SLUICE_KAFKA_REPLICATION: countKey(1, { min: 1, max: 100 }, "Number of replicas of each topic."),
});

/** @throws ConfigurationError that names every key which is missing or wrong */
export function provisioningOptionsOf(
  environment: NodeJS.ProcessEnv,
  client: string,
): ProvisioningOptions {
  const config = parseConfig(provisioningSchema, environment);
  return {
    kafka: kafkaConnectionOf(config, client),
    registryUrl: config.SLUICE_REGISTRY_URL,
    registryAccess: registryAccessOf(config),
    partitions: config.SLUICE_KAFKA_PARTITIONS,
    replication: config.SLUICE_KAFKA_REPLICATION,
  };
}
