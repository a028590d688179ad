// The keys and connections for programs that are not services, without Nest.
export {
  attributionKeys,
  cacheKeys,
  costsKeys,
  kafkaKeys,
  registryKeys,
  replayKeys,
  secretLengthMin,
  stateKeys,
} from "./connection-keys.ts";
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
