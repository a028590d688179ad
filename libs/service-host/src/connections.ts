import type { RegistryAccess } from "@sluice/contracts";
import type { KafkaConnection } from "@sluice/stage";
import type { z } from "zod";
import type { cacheKeys, kafkaKeys, registryKeys, stateKeys } from "./connection-keys.ts";

export type KafkaConfig = z.output<z.ZodObject<typeof kafkaKeys>>;
export type RegistryConfig = z.output<z.ZodObject<typeof registryKeys>>;

/** Returns the address of Kafka and our account on it. */
export function kafkaConnectionOf(config: KafkaConfig, service: string): KafkaConnection {
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

/** Sets no option that could turn verification off. */
function kafkaTlsOf(config: KafkaConfig): NonNullable<KafkaConnection["tls"]> {
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

/** Returns our account on the schema registry and the CA that we trust there. */
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

export type StateConfig = z.output<z.ZodObject<typeof stateKeys>>;
export type CacheConfig = z.output<z.ZodObject<typeof cacheKeys>>;
type PrefixConfig = Pick<KafkaConfig, "SLUICE_KAFKA_TOPIC_PREFIX">;

/** A Redis connection as `RequestStateModule` and `ResponseCacheModule` take it. */
interface RedisPlace {
  readonly redisUrl: string;
  readonly redisCa: string | undefined;
  readonly prefix: string;
  readonly service: string;
}

/** Returns the address of the Redis that holds the state of requests. */
export function stateConnectionOf(config: StateConfig & PrefixConfig, service: string): RedisPlace {
  return {
    redisUrl: config.SLUICE_REDIS_URL,
    redisCa: config.SLUICE_REDIS_TLS_CA_FILE,
    prefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
    service,
  };
}

/** Returns the address of the Redis that holds the response cache. */
export function cacheConnectionOf(config: CacheConfig & PrefixConfig, service: string): RedisPlace {
  return {
    redisUrl: config.SLUICE_CACHE_REDIS_URL,
    redisCa: config.SLUICE_CACHE_REDIS_TLS_CA_FILE,
    prefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
    service,
  };
}
