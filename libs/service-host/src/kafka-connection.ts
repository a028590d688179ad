import type { z } from "zod";
import type { platformKeys } from "./config.ts";

type PlatformConfig = z.output<z.ZodObject<typeof platformKeys>>;

/** The part of a service's configuration that says where Kafka is, as `@sluice/stage` takes it. */
export function kafkaConnectionOf(
  config: Pick<PlatformConfig, "SLUICE_KAFKA_BROKERS" | "SLUICE_KAFKA_TOPIC_PREFIX">,
  service: string,
): {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly clientId: string;
} {
  return {
    brokers: config.SLUICE_KAFKA_BROKERS,
    topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
    clientId: `sluice.${service}`,
  };
}
