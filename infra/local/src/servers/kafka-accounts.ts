import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scramMechanismsOf } from "./kafka-security.ts";
import {
  areScramAccountsSet,
  isWholeAnswer,
  setScramAccounts,
  withPlainLogin,
} from "./kafka-wire.ts";
import { isOwnListener } from "./own-listener.ts";
import type { Account, KafkaAccounts } from "./security.ts";
import { exchange } from "./wire.ts";

/**
 * Creates the broker's accounts, or gives them their present passwords, if that was not done before. Kafka's own tool
 * could do so only while it formats new storage, and only with the passwords in its arguments, which every account of the
 * machine can see.
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
  const file = join(folder, "accounts");
  const digest = digestOf(accounts, readFileSync(join(folder, "log", "meta.properties"), "utf8"));
  if (existsSync(file) && readFileSync(file, "utf8") === digest) return true;
  if (!isOwnListener(controller)) return false;
  const all = [accounts.admin, ...accounts.users];
  // One request may set only one password of an account.
  for (const mechanism of scramMechanismsOf(accounts)) {
    const frames = withPlainLogin(broker, setScramAccounts(all, mechanism));
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await exchange("127.0.0.1", controller, frames, isWholeAnswer);
    if (!answer || !areScramAccountsSet(answer, all.length)) return false;
  }
  writeFileSync(file, digest, { mode: 0o600 });
  return true;
}

/**
 * Returns a hash of all names and passwords, and of the storage in which they were set. The passwords are random, so it
 * discloses none.
 */
function digestOf(accounts: KafkaAccounts, properties: string): string {
  const named = [accounts.admin, ...accounts.users].map(({ name, password }) => [name, password]);
  const cluster = /^cluster\.id=.*$/m.exec(properties)?.[0];
  const text = JSON.stringify([cluster, scramMechanismsOf(accounts), named]);
  return createHash("sha256").update(text).digest("hex");
}
