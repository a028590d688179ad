import { ledger0001 } from "./0001-ledger.ts";
import { budgetWindows0003 } from "./0003-budget-windows.ts";
import { cacheWriteHour0002 } from "./0002-cache-write-hour.ts";

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** The migrations in the order in which they run. A released migration is never edited. */
export const migrations: readonly Migration[] = [
  { version: 1, sql: ledger0001 },
  { version: 2, sql: cacheWriteHour0002 },
  { version: 3, sql: budgetWindows0003 },
];
