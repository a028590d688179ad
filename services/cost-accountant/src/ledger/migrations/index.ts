import { ledger0001 } from "./0001-ledger.ts";

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** In the order in which they are run. One that was released is never edited. */
export const migrations: readonly Migration[] = [{ version: 1, sql: ledger0001 }];
