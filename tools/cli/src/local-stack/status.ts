import { type PartStatus, readStatus, type StackStatus } from "@sluice/local-stack";
import { inColour, labelledLine, print, printJson } from "../output.ts";

export interface StatusOptions {
  readonly dataDir: string;
  readonly json: boolean;
}

/** Runs `sluice status`. Returns 0 if every part of the stack is ready, and otherwise 1. */
export async function status({ dataDir, json }: StatusOptions): Promise<number> {
  const found = await readStatus(dataDir);
  if (json) printJson(found);
  else print(statusText(found));
  return found.ready ? 0 : 1;
}

function statusText(found: StackStatus): string {
  if (found.parts.length === 0) return 'The local stack was never started. Run "sluice up".\n';
  const lines = found.parts.map((part) => labelledLine(part.name, partText(part)));
  const state = found.ready ? inColour("green", "Ready") : inColour("red", "Not ready");
  return `${state}\n\n${lines.join("")}`;
}

function partText({ pid, ready, admin }: PartStatus): string {
  const process = pid === null ? (ready ? "external" : "not running") : `process ${pid}`;
  const state = ready ? "ready" : inColour("red", "not ready");
  const gap = " ".repeat(ready ? 6 : 2);
  return [state + gap, process.padEnd(16), admin ?? ""].join("").trimEnd();
}
