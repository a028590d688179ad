import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from "@nestjs/common";
import { Readiness } from "@sluice/telemetry";
import { Pool } from "pg";
import { migrations } from "./migrations/index.ts";
import { Ledger } from "./ledger.ts";
import { ledgerUnusable } from "./postgres-faults.ts";
import { PostgresLedger } from "./postgres-ledger.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "./postgres-pool.ts";

/** The ledger and its connections, which are closed last, when no stage folds any more. */
@Module({})
export class LedgerModule implements OnApplicationShutdown {
  readonly #pool: Pool;

  constructor(@Inject(Pool) pool: Pool, @Inject(Readiness) readiness: Readiness) {
    this.#pool = pool;
    readiness.add("ledger", async () => (await pool.query("select 1")).rowCount === 1);
  }

  /** @param url of the database; its tables are brought up to date before anything else starts. */
  static connect(url: string, topicPrefix: string): DynamicModule {
    return {
      module: LedgerModule,
      global: true,
      providers: [
        { provide: Pool, useFactory: () => migratedPool(url, topicPrefix) },
        {
          provide: Ledger,
          inject: [Pool],
          useFactory: (pool: Pool) => new PostgresLedger(pool),
        },
      ],
      exports: [Ledger],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#pool.end();
  }
}

async function migratedPool(url: string, topicPrefix: string): Promise<Pool> {
  const schema = ledgerSchemaOf(topicPrefix);
  const pool = ledgerPool(url, schema);
  try {
    await migrate(pool, migrations, schema);
    return pool;
  } catch (cause) {
    throw ledgerUnusable(url, cause);
  }
}
