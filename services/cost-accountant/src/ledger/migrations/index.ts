import { ledger0001 } from "./0001-ledger.ts";

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** The migrations in the order in which they run. A released migration is never edited. */
export const migrations: readonly Migration[] = [{ version: 1, sql: ledger0001 }];
