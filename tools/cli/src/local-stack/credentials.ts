import { readAccess, type StackAccess } from "@sluice/local-stack";
import { noStack } from "../addresses.ts";
import { labelledLine, print, printJson } from "../output.ts";

export interface CredentialsOptions {
  readonly dataDir: string;
  readonly json: boolean;
}

/**
 * Runs `sluice credentials`. Only standard output receives the passwords.
 *
 * @throws TransientFault `CLI_NO_STACK` if no stack runs in the data directory
 */
export async function credentials({ dataDir, json }: CredentialsOptions): Promise<number> {
  const access = readAccess(dataDir);
  if (!access) throw noStack("pass --data-dir to use another local stack");
  if (json) printJson(access);
  else print(credentialsText(access));
  return 0;
}

/** Returns one line for each account. Pure. */
export function credentialsText(access: StackAccess): string {
  const { ledger, ledgerOwner, redis, cacheRedis, simulator, demoKey } = access;
  const lines = [
    ["Ledger", ledger.url],
    ["Ledger (owner)", ledgerOwner?.url],
    ["Redis", redis.url],
    ["Redis (cache)", cacheRedis.url],
    [
      "Simulator",
      simulator && `${simulator.url}  x-simulator-control-key: ${simulator.controlKey}`,
    ],
    ["API key", demoKey],
  ] as const;
  return lines.flatMap(([name, text]) => (text ? [labelledLine(name, text)] : [])).join("");
}
