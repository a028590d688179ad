import { type Change, type ChangedField, nameOf } from "@sluice/declarations/control";
import { canonicalJson } from "@sluice/domain";

const signs = { added: "+", changed: "~", removed: "-" } as const;

/**
 * Returns the changes as lines: the entry, and below it each field that differs. The declarations contain references to
 * secrets, and never a secret. Pure.
 */
export function changesText(changes: readonly Change[]): string {
  return changes.flatMap(linesOf).join("");
}

function linesOf(change: Change): readonly string[] {
  const head = `${signs[change.kind]} ${nameOf(change.entry)}\n`;
  return change.kind === "changed" ? [head, ...change.fields.map(lineOf)] : [head];
}

function lineOf({ path, before, after }: ChangedField): string {
  const name = path === "" ? "" : `${path}: `;
  return `    ${name}${shown(before)} -> ${shown(after)}\n`;
}

function shown(value: unknown): string {
  return value === undefined ? "(absent)" : canonicalJson(value);
}
