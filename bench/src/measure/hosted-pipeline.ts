import type { SimulatorAccess } from "@sluice/testing";

/** A running pipeline, as its host process describes it to the bench. */
export interface HostedPipeline {
  /** Base address, without `/v1`. */
  readonly http: string;
  readonly simulator: SimulatorAccess;
  readonly demoKey: string;
  /** Process ids of services, simulator and parts, by name. */
  readonly pids: Readonly<Record<string, number>>;
  /** Lines of the supervisor, for example `ingress: ready after 1.2 s, …`. */
  readonly log: readonly string[];
}

/** Returns the seconds from start to readiness, by process. All processes start at the same time on shared cores. */
export function startUpSecondsOf(log: readonly string[]): Readonly<Record<string, number>> {
  const entries = log.flatMap((line) => {
    const [, name, seconds] = /^([\w-]+): ready after ([\d.]+) s/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(seconds)] as const];
  });
  return Object.fromEntries(entries);
}
