/** The members of a V8 CPU profile that this file uses. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  /** The node on top of the stack at each sample, and the time since the previous sample in µs. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** CPU time of a profile by package and by function. */
export interface Shares {
  /** CPU time in ms. */
  readonly busyMs: number;
  /** Own time in ms by package and by function, the largest first. */
  readonly packages: readonly (readonly [string, number])[];
  readonly functions: readonly (readonly [string, number])[];
}

const notBusy = new Set(["(idle)", "(root)"]);

/** Sums the CPU time of a profile. Samples before `fromMs` are left out. */
export function sharesOf({ nodes, samples, timeDeltas }: Profile, fromMs = 0): Shares {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const packages = new Map<string, number>();
  const functions = new Map<string, number>();
  let atMs = 0;
  let busyMs = 0;
  for (const [index, id] of samples.entries()) {
    const ms = (timeDeltas[index] ?? 0) / 1000;
    atMs += ms;
    const frame = frames.get(id);
    if (!frame || notBusy.has(frame.functionName) || atMs < fromMs) continue;
    const owner = packageOf(frame.url);
    const name = `${frame.functionName || "(anonymous)"} ${owner}:${fileOf(frame.url)}:${frame.lineNumber + 1}`;
    busyMs += ms;
    add(packages, owner, ms);
    add(functions, name, ms);
  }
  return { busyMs, packages: sorted(packages), functions: sorted(functions) };
}

/**
 * Returns the package of a source, for example `kafkajs`, `@sluice/stage` or `node:net`; `native` if there is
 * no source.
 */
export function packageOf(url: string): string {
  if (url === "") return "native";
  if (url.startsWith("node:")) return url.split("/").slice(0, 2).join("/");
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (installed !== undefined) return installed;
  const ours = /\/(?:libs|services|tools|infra)\/([^/]+)\/(?:dist|src)\//.exec(url)?.[1];
  return ours === undefined ? "others" : `@sluice/${ours}`;
}

function fileOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function add(sums: Map<string, number>, name: string, ms: number): void {
  sums.set(name, (sums.get(name) ?? 0) + ms);
}

function sorted(sums: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...sums].toSorted(([, a], [, b]) => b - a);
}
