import { InMemoryLedger } from "./in-memory-ledger.ts";
import { ledgerContract } from "./ledger.contract.ts";

ledgerContract("the ledger in memory", async () => new InMemoryLedger());
