import { configFrom } from "./config.ts";
import { startSimulator } from "./server.ts";

try {
  const simulator = await startSimulator(configFrom(process.env));
  process.stdout.write(`Provider simulator (simulated answers and bill) at ${simulator.url}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void simulator.close().then(() => process.exit(0)));
} catch (error) {
  process.stderr.write(`The provider simulator cannot start: ${String(error)}\n`);
  process.exitCode = 1;
}
