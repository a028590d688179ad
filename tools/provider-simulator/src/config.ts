import { readFileSync } from "node:fs";

/** The configuration of the simulator. */
export interface SimulatorConfig {
  readonly host: string;
  readonly port: number;
  /** The key that clients must send; undefined accepts every client. */
  readonly key: string | undefined;
  /** The key of the routes that control the simulator; undefined closes them. */
  readonly controlKey: string | undefined;
  /** Every delay is divided by this. */
  readonly speed: number;
  /** JSON file with a script of faults. */
  readonly scriptPath: string | undefined;
  /** JSONL file that stores the bill; undefined keeps the bill in memory only. */
  readonly billPath: string | undefined;
}

/**
 * Reads the configuration from the environment.
 *
 * @throws Error that lists every variable with a wrong value
 */
export function configFrom(env: Readonly<Record<string, string | undefined>>): SimulatorConfig {
  const port = Number(env["SLUICE_SIMULATOR_PORT"] ?? 19_097);
  const speed = Number(env["SLUICE_SIMULATOR_SPEED"] ?? 1);
  const wrong = [
    ...(Number.isInteger(port) && port >= 0 && port < 65_536
      ? []
      : [
          `SLUICE_SIMULATOR_PORT is "${env["SLUICE_SIMULATOR_PORT"]}". Set it to a port from 1 to 65535, or to 0 for any unused port.`,
        ]),
    ...(speed > 0
      ? []
      : [
          `SLUICE_SIMULATOR_SPEED is "${env["SLUICE_SIMULATOR_SPEED"]}". Set it to a number above 0.`,
        ]),
  ];
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  return {
    host: env["SLUICE_SIMULATOR_HOST"] || "127.0.0.1",
    port,
    key: env["SLUICE_SIMULATOR_KEY"] || textIn(env["SLUICE_SIMULATOR_KEY_FILE"]),
    controlKey: env["SLUICE_SIMULATOR_CONTROL_KEY"] || undefined,
    speed,
    scriptPath: env["SLUICE_SIMULATOR_SCRIPT"] || undefined,
    billPath: env["SLUICE_SIMULATOR_BILL"] || undefined,
  };
}

/**
 * Returns the content of a file without its last line end, because containers receive secrets as files.
 *
 * @throws Error if the file cannot be read or is empty: without a key, the simulator would accept every client
 */
function textIn(path: string | undefined): string | undefined {
  if (!path) return undefined;
  const text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
  if (text !== "") return text;
  throw new Error(`SLUICE_SIMULATOR_KEY_FILE names ${path}, which is empty. Write the key to it.`);
}
