import type { RegistryAccess } from "@sluice/contracts";
import type { z } from "zod";
import type { kafkaKeys, registryKeys } from "./connection-keys.ts";

export type KafkaConfig = z.output<z.ZodObject<typeof kafkaKeys>>;
export type RegistryConfig = z.output<z.ZodObject<typeof registryKeys>>;

interface KafkaPlace {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly clientId: string;
  readonly sasl?: {
    readonly mechanism: NonNullable<KafkaConfig["SLUICE_KAFKA_SASL_MECHANISM"]>;
    readonly username: string;
    readonly password: string;
  };
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
}

/** The part of a configuration that says where Kafka is and who we are to it, as `@sluice/stage` takes it. */
export function kafkaConnectionOf(config: KafkaConfig, service: string): KafkaPlace {
  const {
    SLUICE_KAFKA_SASL_MECHANISM: mechanism,
    SLUICE_KAFKA_SASL_USERNAME: username = "",
    SLUICE_KAFKA_SASL_PASSWORD: password = "",
  } = config;
  return {
    brokers: config.SLUICE_KAFKA_BROKERS,
    topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
    clientId: `sluice.${service}`,
    ...(mechanism ? { sasl: { mechanism, username, password } } : {}),
    ...(config.SLUICE_KAFKA_TLS === "true" ? { tls: kafkaTlsOf(config) } : {}),
  };
}

/** Nothing here can turn verification off. */
function kafkaTlsOf(config: KafkaConfig): NonNullable<KafkaPlace["tls"]> {
  const {
    SLUICE_KAFKA_TLS_CA_FILE: ca,
    SLUICE_KAFKA_TLS_CERT_FILE: cert,
    SLUICE_KAFKA_TLS_KEY_FILE: key,
    SLUICE_KAFKA_TLS_SERVER_NAME: servername,
  } = config;
  return {
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(servername ? { servername } : {}),
  };
}

/** Who we are to the schema registry, and whom we trust there. */
export function registryAccessOf(config: RegistryConfig): RegistryAccess {
  const {
    SLUICE_REGISTRY_USERNAME: username,
    SLUICE_REGISTRY_PASSWORD: password,
    SLUICE_REGISTRY_TOKEN: token,
    SLUICE_REGISTRY_TLS_CA_FILE: ca,
  } = config;
  return {
    ...(username && password ? { basic: { username, password } } : {}),
    ...(token ? { token } : {}),
    ...(ca ? { ca } : {}),
  };
}
