import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** The machine on which the bench runs. */
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly system: string;
  /** Load average of 1, 5 and 15 minutes before the bench started. */
  readonly loadAverage: readonly number[];
}

/** Describes the machine now. */
export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: `${platform()} ${release()}`,
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
  };
}
