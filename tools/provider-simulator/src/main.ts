import { configFrom } from "./config.ts";
import { startSimulator } from "./server.ts";

try {
  const simulator = await startSimulator(configFrom(process.env));
  process.stdout.write(
    `The provider simulator listens at ${simulator.url} (its answers and its bill are simulated).\n`,
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void simulator.close().then(() => process.exit(0)));
} catch (error) {
  process.stderr.write(`The provider simulator cannot start: ${String(error)}\n`);
  process.exitCode = 1;
}
