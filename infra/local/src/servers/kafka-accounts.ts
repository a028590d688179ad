import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scramMechanismsOf } from "./kafka-security.ts";
import {
  areScramAccountsSet,
  areSettingsReplaced,
  deleteScramAccounts,
  describeScramAccounts,
  isWholeAnswer,
  numberOf,
  replaceNodeSettings,
  scramAccountsIn,
  setScramAccounts,
  type StoredScram,
  withPlainLogin,
} from "./kafka-wire.ts";
import { isOwnListener } from "./own-listener.ts";
import type { Account, KafkaAccounts } from "./security.ts";
import { exchange } from "./wire.ts";

/**
 * What Kafka's storage contains of settings after the launcher has replaced them: for the node of `server.properties`, and
 * for all nodes. Kafka stores the one setting itself, and refuses to remove it.
 */
const ownSettings = new Map([
  ["1", {}],
  ["", { "min.insync.replicas": "1" }],
]);
const DELETED_AT_ONCE = 50;

/** Returns whether the storage has the accounts with their present passwords, and was not open since they were set. */
export function hasKafkaAccounts(folder: string, accounts: KafkaAccounts): boolean {
  const file = recordOf(folder);
  return existsSync(file) && readFileSync(file, "utf8") === digestOf(folder, accounts);
}

/** Records that clients may change the accounts from now on, because the broker starts without any. */
export function forgetKafkaAccounts(folder: string): void {
  rmSync(recordOf(folder), { force: true });
}

/**
 * Creates the accounts of new storage, if that was not done before. Kafka's own tool could do so only while it formats the
 * storage, and only with the passwords in its arguments, which every account of the machine can see.
 *
 * The controller accepts the request on its own listener before any account exists. It knows the broker's account from
 * the settings file. The launcher sends its password only to a process of its own account.
 *
 * @param folder the broker's folder; a file in it records which passwords were set
 * @returns false while the controller does not answer, or refuses
 */
export async function ensureKafkaAccounts(
  folder: string,
  { controller }: { readonly controller: number },
  broker: Account,
  accounts: KafkaAccounts,
): Promise<boolean> {
  if (hasKafkaAccounts(folder, accounts)) return true;
  return setAccounts(folder, controller, broker, accounts);
}

/**
 * Sets the accounts of storage that another client may have written to, because it was open or has other passwords:
 * deletes every other password and the settings that the storage contains. The broker has to admit its own account only
 * meanwhile, so that no client is logged in with a password that is deleted here.
 *
 * @returns false while the broker does not answer, or refuses
 */
export async function replaceKafkaAccounts(
  folder: string,
  { kafka }: { readonly kafka: number },
  broker: Account,
  accounts: KafkaAccounts,
): Promise<boolean> {
  const cleared = await ask(kafka, broker, replaceNodeSettings(ownSettings));
  if (!cleared || !areSettingsReplaced(cleared, ownSettings.size)) return false;
  const described = await ask(kafka, broker, describeScramAccounts());
  const stored = described && scramAccountsIn(described);
  if (!stored) return false;
  for (const { names, mechanism } of deletionsOf(stored, accounts)) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await ask(kafka, broker, deleteScramAccounts(names, mechanism));
    if (!answer || !areScramAccountsSet(answer, names.length)) return false;
  }
  return setAccounts(folder, kafka, broker, accounts);
}

/** Passwords that one request deletes. One request may name an account only once. */
export interface Deletion {
  readonly names: readonly string[];
  readonly mechanism: number;
}

/** Returns the deletions of all passwords that do not belong to one of the accounts. Pure. */
export function deletionsOf(
  stored: readonly StoredScram[],
  accounts: KafkaAccounts,
): readonly Deletion[] {
  const own = new Set([accounts.admin, ...accounts.users].map(({ name }) => name));
  const ownMechanisms = new Set(scramMechanismsOf(accounts).map(numberOf));
  const foreign = stored.filter(
    ({ name, mechanism }) => !own.has(name) || !ownMechanisms.has(mechanism),
  );
  const byMechanism = Map.groupBy(foreign, ({ mechanism }) => mechanism);
  return [...byMechanism].flatMap(([mechanism, those]) => {
    const names = those.map(({ name }) => name);
    const starts = names.flatMap((_, index) => (index % DELETED_AT_ONCE === 0 ? [index] : []));
    return starts.map((at) => ({ names: names.slice(at, at + DELETED_AT_ONCE), mechanism }));
  });
}

async function setAccounts(
  folder: string,
  port: number,
  broker: Account,
  accounts: KafkaAccounts,
): Promise<boolean> {
  const all = [accounts.admin, ...accounts.users];
  // One request may set only one password of an account.
  for (const mechanism of scramMechanismsOf(accounts)) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await ask(port, broker, setScramAccounts(all, mechanism));
    if (!answer || !areScramAccountsSet(answer, all.length)) return false;
  }
  writeFileSync(recordOf(folder), digestOf(folder, accounts), { mode: 0o600 });
  return true;
}

/** Sends one request with the broker's account, whose password only a process of our own account may receive. */
async function ask(port: number, broker: Account, request: Buffer): Promise<Buffer | undefined> {
  if (!isOwnListener(port)) return undefined;
  return exchange("127.0.0.1", port, withPlainLogin(broker, request), isWholeAnswer);
}

function recordOf(folder: string): string {
  return join(folder, "accounts");
}

/**
 * Returns a hash of all names and passwords, and of the storage in which they were set. The passwords are random, so it
 * discloses none.
 */
function digestOf(folder: string, accounts: KafkaAccounts): string {
  const properties = readFileSync(join(folder, "log", "meta.properties"), "utf8");
  const named = [accounts.admin, ...accounts.users].map(({ name, password }) => [name, password]);
  const cluster = /^cluster\.id=.*$/m.exec(properties)?.[0];
  const text = JSON.stringify([cluster, scramMechanismsOf(accounts), named]);
  return createHash("sha256").update(text).digest("hex");
}
