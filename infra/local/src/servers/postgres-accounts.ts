import { createHash } from "node:crypto";
import { chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UserIds } from "../supervise/program.ts";
import type { Account } from "./security.ts";

/** The bootstrap superuser. It cannot log in: only the launcher uses it, without a server. */
export const SUPERUSER = "sluice";
export const DATABASE = "sluice";

/** The names of the accounts that are not superusers. */
export const LEDGER_OWNER = "ledger_owner";
export const LEDGER_SERVICE = "accountant";

/** The accounts of the ledger. Nothing else can log in to the server. */
export interface LedgerAccounts {
  /** Owns the database and its tables, and creates them. It is not a superuser. */
  readonly owner: Account;
  /** The account of the cost accountant, which may do only what the owner grants to it. */
  readonly service: Account;
}

/** Only the ledger's accounts, only on its database, and only with a password. */
function accessRulesOf({ owner, service }: LedgerAccounts): string {
  return `host ${DATABASE} ${owner.name},${service.name} 127.0.0.1/32 scram-sha-256\n`;
}

/**
 * Returns the statements that create the accounts, one in each line. They can be run again, with other passwords
 * too. Tables of an earlier version belong to the superuser; they become the owner's.
 */
export function accountStatements({ owner, service }: LedgerAccounts): string {
  const limits = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
  const roles = [owner, service].flatMap(({ name, password }) => [
    `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') THEN CREATE ROLE ${name}; END IF; END $$;`,
    `ALTER ROLE ${name} ${limits} PASSWORD '${password}';`,
  ]);
  return [
    ...roles,
    `ALTER DATABASE ${DATABASE} OWNER TO ${owner.name};`,
    `REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC;`,
    `GRANT CONNECT ON DATABASE ${DATABASE} TO ${service.name};`,
    ownershipOf(owner.name),
    `ALTER ROLE ${SUPERUSER} NOLOGIN PASSWORD NULL;`,
    "",
  ].join("\n");
}

function ownershipOf(owner: string): string {
  const ours = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
  const changes = [
    `SELECT format('ALTER SCHEMA %I OWNER TO ${owner}', n.nspname) FROM pg_namespace n WHERE ${ours} AND n.nspname <> 'public'`,
    `SELECT format('ALTER TABLE %s OWNER TO ${owner}', c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm') AND ${ours}`,
    `SELECT format('ALTER ROUTINE %s OWNER TO ${owner}', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${ours}`,
  ].join(" UNION ALL ");
  return `DO $$ DECLARE change text; BEGIN FOR change IN ${changes} LOOP EXECUTE change; END LOOP; END $$;`;
}

/**
 * The accounts that a cluster has. A file in the cluster records a hash of them, so that a cluster without it, with
 * the accounts of an earlier version or with lost passwords, gets its accounts before it is served.
 */
export class ClusterAccounts {
  readonly #folder: string;
  readonly #accounts: LedgerAccounts;
  readonly #runAs: UserIds | undefined;

  constructor(folder: string, accounts: LedgerAccounts, runAs: UserIds | undefined) {
    this.#folder = folder;
    this.#accounts = accounts;
    this.#runAs = runAs;
  }

  get areCurrent(): boolean {
    const file = join(this.#folder, "sluice-accounts");
    return existsSync(file) && readFileSync(file, "utf8") === this.#hash;
  }

  /** Writes the rules of access. From then on, no connection is trusted. */
  writeAccessRules(): void {
    this.#write("pg_hba.conf", accessRulesOf(this.#accounts));
  }

  /** Records that the cluster has these accounts. */
  record(): void {
    this.#write("sluice-accounts", this.#hash);
  }

  get #hash(): string {
    const text = accountStatements(this.#accounts) + accessRulesOf(this.#accounts);
    return createHash("sha256").update(text).digest("hex");
  }

  #write(name: string, text: string): void {
    const file = join(this.#folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    if (this.#runAs) chownSync(file, this.#runAs.uid, this.#runAs.gid);
  }
}
