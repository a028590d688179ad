import { type DynamicModule, Module, type OnApplicationShutdown } from "@nestjs/common";
import { Readiness } from "@sluice/telemetry";
import { Pool } from "pg";
import { BudgetHistory } from "../budgets/budget-history.ts";
import { PostgresBudgetHistory } from "../budgets/postgres-budget-history.ts";
import { migrations } from "./migrations/index.ts";
import { Ledger } from "./ledger.ts";
import { ledgerUnusable } from "./postgres-faults.ts";
import { PostgresLedger } from "./postgres-ledger.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "./postgres-pool.ts";

export interface LedgerModuleOptions {
  /** Address of the database. */
  readonly url: string;
  readonly topicPrefix: string;
}

/**
 * Provides the ledger, and brings its tables up to date before anything else starts. Its
 * connections are closed last, when no stage writes to it any more.
 */
@Module({})
export class LedgerModule implements OnApplicationShutdown {
  constructor(
    private readonly pool: Pool,
    readiness: Readiness,
  ) {
    readiness.add("ledger", async () => (await pool.query("select 1")).rowCount === 1);
  }

  static forRoot({ url, topicPrefix }: LedgerModuleOptions): DynamicModule {
    return {
      module: LedgerModule,
      global: true,
      providers: [
        { provide: Pool, useFactory: () => migratedPool(url, topicPrefix) },
        { provide: Ledger, useClass: PostgresLedger },
        { provide: BudgetHistory, useClass: PostgresBudgetHistory },
      ],
      exports: [Ledger, BudgetHistory],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }
}

async function migratedPool(url: string, topicPrefix: string): Promise<Pool> {
  const schema = ledgerSchemaOf(topicPrefix);
  const pool = ledgerPool(url, schema);
  try {
    await migrate(pool, migrations, schema);
    return pool;
  } catch (cause) {
    throw ledgerUnusable("SLUICE_LEDGER_URL", url, cause);
  }
}
