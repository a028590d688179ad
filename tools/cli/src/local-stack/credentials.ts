import {
  type Account,
  readAccess,
  type StackAccess,
  type TenantPrograms,
  usualAddresses,
} from "@sluice/local-stack";
import { noStack } from "../no-stack.ts";
import { labelledLine, print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";

export interface CredentialsOptions {
  readonly dataDir: string;
  readonly json: boolean;
  /** Whether to print the variables of a program, as commands of a shell. */
  readonly env: boolean;
  /** The tenant whose programs the variables are for. If absent, they are for programs of the operator. */
  readonly tenant?: string;
}

/**
 * Runs `sluice credentials`. Only standard output receives the passwords.
 *
 * @throws TransientFault `CLI_NO_STACK` if no stack runs in the data directory; UsageError for a tenant without topics
 */
export async function credentials(options: CredentialsOptions): Promise<number> {
  const { dataDir, json, env, tenant } = options;
  const access = readAccess(dataDir);
  if (!access) throw noStack("pass --data-dir to use another local stack");
  if (json) printJson(access);
  else if (env) print(exportsText(tenant === undefined ? access : programsOf(access, tenant)));
  else print(credentialsText(access));
  return 0;
}

function programsOf({ tenants }: StackAccess, tenant: string): TenantPrograms {
  const found = tenants.find((each) => each.tenant === tenant);
  if (found) return found;
  const known = tenants.map((each) => each.tenant).join(", ") || "none";
  throw new UsageError(
    `The tenant "${tenant}" has no topics of its own in the running stack (${known} has). Declare ownTopics: true for it in sluice.yaml, and restart the stack.`,
  );
}

/** Returns one line for each account. Pure. */
export function credentialsText(access: StackAccess): string {
  const { ledger, ledgerOwner, redis, cacheRedis, kafka, registry, simulator, demoKey } = access;
  const { tenants } = access;
  const lines = [
    ["Ledger", ledger.url],
    ["Ledger (owner)", ledgerOwner?.url],
    ["Redis", redis.url],
    ["Redis (cache)", cacheRedis.url],
    ["Kafka", accountText(kafka.address, kafka.client)],
    ["Kafka (admin)", accountText(kafka.address, kafka.admin)],
    ["Schema registry", accountText(registry.address, registry.client)],
    ["Registry (admin)", accountText(registry.address, registry.admin)],
    ...tenants.flatMap((each) => [
      [`Kafka (${each.tenant})`, accountText(kafka.address, each.kafka)] as const,
      [`Registry (${each.tenant})`, accountText(registry.address, each.registry)] as const,
    ]),
    [
      "Simulator",
      simulator && `${simulator.url}  x-simulator-control-key: ${simulator.controlKey}`,
    ],
    ["API key", demoKey],
  ] as const;
  return lines.flatMap(([name, text]) => (text ? [labelledLine(name, text)] : [])).join("");
}

function accountText(address: string, account: Account | null): string | null {
  return account && `${address}  ${account.name}:${account.password}`;
}

/**
 * Returns one command of a POSIX shell for each variable. Unsets the addresses that programs use without a variable, and
 * what another stack may have set. Pure.
 */
export function exportsText({
  environment,
  unset,
}: Pick<StackAccess, "environment" | "unset">): string {
  const isUsual = (name: string): boolean => usualAddresses[name] === environment[name];
  const names = Object.keys(environment);
  const removed = [...names.filter(isUsual), ...unset].map((name) => `unset ${name}\n`);
  const set = names
    .filter((name) => !isUsual(name))
    .map((name) => `export ${name}='${environment[name]?.replaceAll("'", String.raw`'\''`)}'\n`);
  return [...removed, ...set].join("");
}
