import { type PartStatus, readStatus, type StackStatus } from "@sluice/local-stack";
import { dataDirOf, dataDirOption, parseOptions } from "./options.ts";
import { lineOf, print } from "./progress.ts";

/** `sluice status`: 0 when everything that belongs to the stack is ready. */
export async function status(args: readonly string[]): Promise<number> {
  const values = parseOptions(args, {
    ...dataDirOption,
    json: { type: "boolean", default: false },
  });
  const found = await readStatus(dataDirOf(values));
  print(values.json ? `${JSON.stringify(found, null, 2)}\n` : statusText(found));
  return found.ready ? 0 : 1;
}

export function statusText(found: StackStatus): string {
  if (found.parts.length === 0) return 'Never started here: run "sluice up".\n';
  const lines = found.parts.map((part) => lineOf(part.name, partText(part)));
  return `${found.ready ? "Ready" : "Not ready"}\n\n${lines.join("")}`;
}

function partText({ pid, ready, admin }: PartStatus): string {
  const process = pid === null ? (ready ? "not ours" : "not running") : `process ${pid}`;
  const state = ready ? "ready" : "not ready";
  return [state.padEnd(11), process.padEnd(16), admin ?? ""].join("").trimEnd();
}
