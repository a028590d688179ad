export { declarationKeys, platformKeys } from "./config.ts";
export {
  cacheKeys,
  ConfigurationError,
  countKey,
  kafkaConnectionOf,
  parseConfig,
  portKey,
  registryAccessOf,
  secret,
  stateKeys,
} from "./environment.ts";
export { nestOptions, runService, type ServiceDefinition } from "./run-service.ts";
export { registryCodecs } from "./registry-codecs.ts";
export { telemetryOptionsOf } from "./telemetry-options.ts";
