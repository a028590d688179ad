/** What a running pipeline tells the bench. */
export interface HostedPipeline {
  /** Base address, without `/v1`. */
  readonly http: string;
  readonly simulator: string;
  readonly demoKey: string;
  /** Process ids of services, simulator and parts, by name. */
  readonly pids: Readonly<Record<string, number>>;
  /** What the supervisor said: `ingress: ready after 1.2 s, …`. */
  readonly log: readonly string[];
}

/** Seconds from its start to its first ready answer, by process. All start at once, on shared cores. */
export function startUpSecondsOf(log: readonly string[]): Readonly<Record<string, number>> {
  const entries = log.flatMap((line) => {
    const [, name, seconds] = /^([\w-]+): ready after ([\d.]+) s/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(seconds)] as const];
  });
  return Object.fromEntries(entries);
}
