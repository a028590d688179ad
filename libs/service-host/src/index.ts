export {
  cacheKeys,
  ConfigurationError,
  countKey,
  declarationKeys,
  parseConfig,
  platformKeys,
  portKey,
  stateKeys,
} from "./config.ts";
export { kafkaConnectionOf } from "./kafka-connection.ts";
export { nestOptions, runService, type ServiceDefinition } from "./run-service.ts";
export { registryCodecs, type RegistryConfig } from "./registry-codecs.ts";
export { telemetryOptionsOf } from "./telemetry-options.ts";
