import { existsSync } from "node:fs";
import { ensureSecret, secretFileOf } from "../secrets.ts";
import type { StackAccounts } from "./stack-accounts.ts";

const NAME = "costs-token";
const variables = ["SLUICE_COSTS_TOKEN", "SLUICE_COSTS_TOKEN_FILE"];

/**
 * Returns the environment with a token for the costs of all tenants, if the parts require accounts and the user set no
 * token. The first call generates it.
 */
export function withCostsToken(
  environment: NodeJS.ProcessEnv,
  dataDir: string,
  { kafka, registry }: StackAccounts,
): NodeJS.ProcessEnv {
  if (kafka || registry) ensureSecret(dataDir, NAME);
  return kafka || registry ? withKnownCostsToken(environment, dataDir) : environment;
}

/** Returns the environment with the token of a local stack, if the stack has one and the user set none. */
export function withKnownCostsToken(
  environment: NodeJS.ProcessEnv,
  dataDir: string,
): NodeJS.ProcessEnv {
  const file = secretFileOf(dataDir, NAME);
  const isGiven = variables.some((name) => environment[name]);
  return isGiven || !existsSync(file)
    ? environment
    : { ...environment, SLUICE_COSTS_TOKEN_FILE: file };
}
