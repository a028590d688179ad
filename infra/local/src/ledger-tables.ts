import { existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./directories.ts";
import { StackFault, throwIfInterrupted } from "./faults.ts";
import type { PipelineOptions } from "./services.ts";
import { plainEnvironment } from "./supervise/program.ts";
import { run } from "./supervise/run.ts";

/**
 * Creates the ledger's tables as their owner, and grants the cost accountant what it needs. The accountant itself may
 * not create them, so this must end before it starts. Does nothing if the ledger has no separate owner.
 *
 * @throws StackFault `STACK_NOT_BUILT`, `STACK_PROGRAM_FAILED` or `STACK_INTERRUPTED`
 */
export async function createLedgerTables(
  { addresses, environment }: Pick<PipelineOptions, "addresses" | "environment">,
  signal: AbortSignal,
): Promise<void> {
  if (addresses.ledgerOwner === null) return;
  const main = join(repositoryRoot, "services", "cost-accountant", "dist", "migrate-main.js");
  if (!existsSync(main))
    throw new StackFault("STACK_NOT_BUILT", `${main} is missing. Run "npm run build".`);
  const { status, output } = await run(process.execPath, ["--enable-source-maps", main], {
    environment: {
      ...plainEnvironment(environment),
      SLUICE_KAFKA_TOPIC_PREFIX: environment["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "",
      SLUICE_LEDGER_URL: addresses.ledger,
      SLUICE_LEDGER_OWNER_URL: addresses.ledgerOwner,
    },
    signal,
  });
  throwIfInterrupted(signal);
  if (status !== 0)
    throw new StackFault(
      "STACK_PROGRAM_FAILED",
      `The ledger's tables could not be created.\n${output}`,
    );
}
