import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LEDGER_OWNER, LEDGER_SERVICE, type LedgerAccounts } from "./servers/postgres-accounts.ts";
import type { RedisPart } from "./servers/redis.ts";

const SECRET_BYTES = 24;

/** The passwords of the parts that the launcher starts. They contain only letters and digits. */
export interface Credentials {
  readonly redis: Readonly<Record<RedisPart, string>>;
  readonly ledger: LedgerAccounts;
}

/** Returns the passwords of a data directory. The first start generates them. */
export function ensureCredentials(dataDir: string): Credentials {
  return {
    redis: {
      redis: ensureSecret(dataDir, "redis-password"),
      "cache-redis": ensureSecret(dataDir, "cache-redis-password"),
    },
    ledger: {
      owner: { name: LEDGER_OWNER, password: ensureSecret(dataDir, "ledger-owner-password") },
      service: { name: LEDGER_SERVICE, password: ensureSecret(dataDir, "ledger-password") },
    },
  };
}

/**
 * Returns the secret with this name, in `secrets/` of the data directory. The first call generates it, and writes it
 * by one rename, so that a launcher that is killed here leaves no empty secret.
 */
export function ensureSecret(dataDir: string, name: string): string {
  const file = secretFileOf(dataDir, name);
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const draft = `${file}.new`;
    writeFileSync(draft, randomBytes(SECRET_BYTES).toString("hex"), { mode: 0o600 });
    renameSync(draft, file);
  }
  return readFileSync(file, "utf8").trim();
}

/** Returns the secret with this name, or undefined if the data directory does not have it. */
export function readSecret(dataDir: string, name: string): string | undefined {
  const file = secretFileOf(dataDir, name);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** Returns where a data directory keeps the secret with this name. */
export function secretFileOf(dataDir: string, name: string): string {
  return join(dataDir, "secrets", name);
}
