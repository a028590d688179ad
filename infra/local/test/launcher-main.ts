import { LocalStack } from "../src/local-stack.ts";
import { definedEntries } from "../src/supervise/program.ts";

// A launcher that a test kills. It starts the parts with accounts, prints a line, and runs until then.
const environment = definedEntries(
  process.env,
  (name) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
);
const [dataDir = ""] = process.argv.slice(2);
const options = { dataDir, freePorts: true, environment, report: () => undefined, accounts: true };
const stack = await LocalStack.open(options);
await stack.startParts(new AbortController().signal);
console.log("started");
