import { createHash, timingSafeEqual } from "node:crypto";
import { ADMIN, type PartAccounts } from "./stack-accounts.ts";

/** An account of the registry, as the program in front of it receives it. */
export interface RegistryAccount {
  readonly name: string;
  /** SHA-256 of the password, in hexadecimal. The password is random, so that suffices. */
  readonly passwordHash: string;
  /** Whether the account may register schemas, delete them and change the compatibility level. */
  readonly mayWrite: boolean;
}

/** What the program in front of the registry does with a request. */
export type Admission =
  | { readonly kind: "pass" }
  | { readonly kind: "refuse"; readonly status: 401 | 403 | 404; readonly reason: string };

/** The parts of a request that decide about it. */
export interface RegistryRequest {
  readonly method: string;
  /** The path with its query, as it was sent. */
  readonly target: string;
  readonly authorization: string | undefined;
}

/** Confluent's API. The registry has other interfaces, which no program of Sluice uses. */
const api = /^\/apis\/ccompat\/v\d{1,2}(?:\/[\w.%~-]+)*\/?(?:\?[\w.%~=&-]*)?$/;
/** A segment that a server may resolve to another path. */
const relativeSegment = /\/(?:\.|%2e){1,2}(?:\/|\?|$)/i;
/** A lookup of a schema or a test of its compatibility. Both are sent with POST and change nothing. */
const lookup =
  /^\/apis\/ccompat\/v\d{1,2}\/(?:subjects\/[\w.-]+|compatibility\/subjects\/[\w.-]+\/versions(?:\/\w+)?)(?:\?[\w.%~=&-]*)?$/;

const pass: Admission = { kind: "pass" };

export function registryAccountsOf(accounts: PartAccounts): readonly RegistryAccount[] {
  return [...accounts].map(([role, { name, password }]) => ({
    name,
    passwordHash: hashOf(password).toString("hex"),
    mayWrite: role === ADMIN,
  }));
}

/** Returns whether the request may reach the registry. Takes the same time for every wrong password. Pure. */
export function admit(
  { method, target, authorization }: RegistryRequest,
  accounts: readonly RegistryAccount[],
): Admission {
  const account = accountOf(authorization, accounts);
  if (!account) return refuse(401, "Set the user and the password of an account of this registry.");
  if (!api.test(target) || relativeSegment.test(target))
    return refuse(404, "Only the API below /apis/ccompat/ is available.");
  if (account.mayWrite || method === "GET" || method === "HEAD") return pass;
  if (method === "POST" && lookup.test(target)) return pass;
  return refuse(403, `The account ${account.name} may only read.`);
}

function accountOf(
  authorization: string | undefined,
  accounts: readonly RegistryAccount[],
): RegistryAccount | undefined {
  const [, encoded = ""] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
  const [, name = "", password = ""] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  const given = hashOf(password);
  // Compares with every account, so that the time does not disclose which names exist.
  return accounts.filter((account) => {
    const isRight = timingSafeEqual(given, Buffer.from(account.passwordHash, "hex"));
    return account.name === name && isRight;
  })[0];
}

function refuse(status: 401 | 403 | 404, reason: string): Admission {
  return { kind: "refuse", status, reason };
}

function hashOf(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}
