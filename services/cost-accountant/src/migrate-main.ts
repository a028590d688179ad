import { ConfigurationError, parseConfig } from "@sluice/service-host";
import { migrationSchema } from "./config.ts";
import { migrateAsOwner } from "./ledger/migrate-as-owner.ts";

// Creates the ledger's tables as their owner, and ends. The accountant, which has an account without these rights,
// starts afterwards.
try {
  const config = parseConfig(migrationSchema, process.env);
  await migrateAsOwner({
    ownerUrl: config.SLUICE_LEDGER_OWNER_URL,
    serviceUrl: config.SLUICE_LEDGER_URL,
    topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
  });
} catch (error) {
  const isExpected = error instanceof ConfigurationError || error instanceof Error;
  process.stderr.write(`${isExpected ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
