import { InMemoryLedger } from "./in-memory-ledger.ts";
import { ledgerContract } from "./ledger.contract.ts";

ledgerContract("the in-memory fake", async () => new InMemoryLedger());
