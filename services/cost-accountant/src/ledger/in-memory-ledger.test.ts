import { InMemoryLedger } from "./in-memory-ledger.ts";
import { ledgerContract } from "./ledger.contract.ts";

ledgerContract("in memory", async () => new InMemoryLedger());
