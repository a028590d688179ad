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

/** What provisioning reads: the same connections as services, by an account that may create topics. */
export const provisioningSchema = z.object({
  ...kafkaKeys,
  ...registryKeys,
  SLUICE_KAFKA_PARTITIONS: countKey(4, { min: 1, max: 10_000 }, "Partitions of topics."),
  SLUICE_KAFKA_REPLICATION: countKey(1, { min: 1, max: 100 }, "Replicas of topics."),
});

/** @throws ConfigurationError with all that is wrong, by name */
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
