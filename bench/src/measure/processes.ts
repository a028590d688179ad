import { readdirSync, readFileSync } from "node:fs";

/** Figures of one process, from `/proc/<pid>/stat`. */
export interface ProcessFigures {
  readonly parent: number;
  /** User and system time of all its threads, in ms. The kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  /** The same of its children that have exited. */
  readonly endedChildrenCpuMs: number;
  readonly residentMiB: number;
}

const tickMs = 10;
const pageKiB = 4;

/** Parses the content of `/proc/<pid>/stat`. */
export function parseStat(text: string): ProcessFigures {
  // The command's name is in parentheses and can itself contain parentheses. Fields have the numbers of
  // proc(5), from 3 on.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    parent: field(4),
    cpuMs: (field(14) + field(15)) * tickMs,
    endedChildrenCpuMs: (field(16) + field(17)) * tickMs,
    residentMiB: (field(24) * pageKiB) / 1024,
  };
}

/** Figures of several processes at one moment. */
export interface Snapshot {
  /** CPU by name, including all descendants, because PostgreSQL consists of many processes. */
  readonly cpuMs: Readonly<Record<string, number>>;
  readonly residentMiB: Readonly<Record<string, number>>;
  /** CPU of all running processes of the machine, and of their children that have exited. */
  readonly machineCpuMs: number;
}

/** Reads all figures now. Processes that have exited count as zero. */
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
        // The process exited after the folder was listed.
        return [];
      }
    }),
  );
}
