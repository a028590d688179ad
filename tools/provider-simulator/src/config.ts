export interface SimulatorConfig {
  readonly host: string;
  readonly port: number;
  /** Callers must show this key; undefined lets everybody in. */
  readonly key: string | undefined;
  /** Every delay is divided by this. */
  readonly speed: number;
  readonly scriptPath: string | undefined;
  readonly billPath: string | undefined;
}

/** @throws Error that lists every variable with a wrong value */
export function configFrom(env: Readonly<Record<string, string | undefined>>): SimulatorConfig {
  const port = Number(env["SLUICE_SIMULATOR_PORT"] ?? 19_097);
  const speed = Number(env["SLUICE_SIMULATOR_SPEED"] ?? 1);
  const wrong = [
    ...(Number.isInteger(port) && port >= 0 && port < 65_536
      ? []
      : ["SLUICE_SIMULATOR_PORT must be a port number, 0 for any."]),
    ...(speed > 0 ? [] : ["SLUICE_SIMULATOR_SPEED must be a number above 0."]),
  ];
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  return {
    host: env["SLUICE_SIMULATOR_HOST"] || "127.0.0.1",
    port,
    key: env["SLUICE_SIMULATOR_KEY"] || undefined,
    speed,
    scriptPath: env["SLUICE_SIMULATOR_SCRIPT"] || undefined,
    billPath: env["SLUICE_SIMULATOR_BILL"] || undefined,
  };
}
