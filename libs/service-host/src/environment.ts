// What a program that is no service reads of the same environment, without loading Nest.
export { cacheKeys, kafkaKeys, registryKeys, stateKeys } from "./connection-keys.ts";
export {
  cacheConnectionOf,
  kafkaConnectionOf,
  type KafkaConfig,
  registryAccessOf,
  type RegistryConfig,
  stateConnectionOf,
} from "./connections.ts";
export { countKey, portKey, secret } from "./keys.ts";
export { ConfigurationError, parseConfig } from "./parse-config.ts";
