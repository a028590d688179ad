export { declarationKeys, platformKeys } from "./config.ts";
export {
  attributionKeys,
  cacheConnectionOf,
  cacheKeys,
  ConfigurationError,
  costsKeys,
  countKey,
  kafkaConnectionOf,
  parseConfig,
  portKey,
  registryAccessOf,
  replayKeys,
  secret,
  secretLengthMin,
  stateConnectionOf,
  stateKeys,
} from "./environment.ts";
export { ServiceModule, type ServiceModuleOptions } from "./service.module.ts";
export { nestOptions, runService, type ServiceDefinition } from "./run-service.ts";
export { registryCodecs } from "./registry-codecs.ts";
