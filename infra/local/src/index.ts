export { withCostsToken, withKnownCostsToken } from "./accounts/costs-token.ts";
export {
  accountNameOf,
  type AccountPart,
  ADMIN,
  CLIENT,
  connectedEnvironment,
  type StackAccounts,
} from "./accounts/stack-accounts.ts";
export {
  readAccess,
  readConnection,
  type ServerAccess,
  type StackAccess,
  type TenantPrograms,
  type StackConnection,
  usualAddresses,
} from "./access.ts";
export {
  type Configuration,
  prepareConfiguration,
  replaySecretFileOf,
  type TenantKeys,
  tenantsWithTopicsIn,
} from "./configuration.ts";
export { makeDataDir, makeWritable, repositoryRoot } from "./directories.ts";
export { StackFault, type StackFaultCode } from "./faults.ts";
export { type Guard, guardDataDir, removeDataDir } from "./guard.ts";
export { isOwnListener } from "./servers/own-listener.ts";
export { createLedgerTables } from "./ledger-tables.ts";
export {
  launcherOf,
  LocalStack,
  type LocalStackOptions,
  stopLeftovers,
  stopMsMaxOf,
} from "./local-stack.ts";
export { findFreePorts, type Ports } from "./ports.ts";
export {
  identityOf,
  isAlive,
  parentOf,
  type ProcessIdentity,
  signalProcess,
  waitForEnd,
  withDescendants,
} from "./supervise/processes.ts";
export { type Program, type Report, secondsSince } from "./supervise/program.ts";
export type { Account, StackSecurity } from "./servers/security.ts";
export {
  adminAddress,
  adminPortNameOf,
  httpAddress,
  type Instance,
  type PipelineOptions,
  pipelinePorts,
  type ServiceName,
  serviceNames,
  serviceProgram,
  SIMULATOR,
  simulatorAddress,
  simulatorProgram,
} from "./services.ts";
export type { Addresses } from "./state-file.ts";
export { type PartStatus, readStatus, type StackStatus } from "./status.ts";
