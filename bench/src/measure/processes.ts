import { readdirSync, readFileSync } from "node:fs";

/** Of one process, from `/proc/<pid>/stat`. */
export interface ProcessFigures {
  readonly parent: number;
  /** User and system time of all its threads, in ms; the kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  /** The same of children that have ended. */
  readonly endedChildrenCpuMs: number;
  readonly residentMiB: number;
}

const tickMs = 10;
const pageKiB = 4;

export function parseStat(text: string): ProcessFigures {
  // The command's name is in parentheses, and may itself hold some. Fields as in proc(5), from 3 on.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    parent: field(4),
    cpuMs: (field(14) + field(15)) * tickMs,
    endedChildrenCpuMs: (field(16) + field(17)) * tickMs,
    residentMiB: (field(24) * pageKiB) / 1024,
  };
}

export interface Snapshot {
  /** By name, with all descendants: PostgreSQL is many processes. */
  readonly cpuMs: Readonly<Record<string, number>>;
  readonly residentMiB: Readonly<Record<string, number>>;
  /** CPU of all processes that are alive, and of the children they have outlived. */
  readonly machineCpuMs: number;
}

/** Reads all figures now. Processes that have ended count nothing. */
export function snapshotOf(pids: Readonly<Record<string, number>>): Snapshot {
  const all = readAll();
  const trees = Object.entries(pids).map(([name, pid]) => [name, treeOf(pid, all)] as const);
  const sum = (of: (figures: ProcessFigures) => number): Record<string, number> =>
    Object.fromEntries(
      trees.map(([name, tree]) => [name, tree.reduce((total, each) => total + of(each), 0)]),
    );
  return {
    cpuMs: sum(spentOf),
    residentMiB: sum(({ residentMiB }) => residentMiB),
    machineCpuMs: [...all.values()].reduce((total, each) => total + spentOf(each), 0),
  };
}

function spentOf({ cpuMs, endedChildrenCpuMs }: ProcessFigures): number {
  return cpuMs + endedChildrenCpuMs;
}

function treeOf(root: number, all: ReadonlyMap<number, ProcessFigures>): ProcessFigures[] {
  const own = all.get(root);
  const children = [...all].filter(([, { parent }]) => parent === root);
  return [...(own ? [own] : []), ...children.flatMap(([pid]) => treeOf(pid, all))];
}

function readAll(): ReadonlyMap<number, ProcessFigures> {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return new Map(
    pids.flatMap((pid) => {
      try {
        return [[pid, parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))] as const];
      } catch {
        // It ended between the listing and the look.
        return [];
      }
    }),
  );
}
