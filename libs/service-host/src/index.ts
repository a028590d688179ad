export { declarationKeys, platformKeys } from "./config.ts";
export {
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
  stateConnectionOf,
  stateKeys,
} from "./environment.ts";
export { ServiceModule, type ServiceModuleOptions } from "./service.module.ts";
export { nestOptions, runService, type ServiceDefinition } from "./run-service.ts";
export { registryCodecs } from "./registry-codecs.ts";
