import { canonicalJson } from "@sluice/domain";
import type { Entry, Kind } from "./entries.ts";

/** A member whose value differs. Absent values are undefined. */
export interface ChangedField {
  /** For example `dialect.streamOptions`; empty if the entry as a whole differs. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

export type Change =
  | { readonly kind: "added"; readonly entry: Entry }
  | { readonly kind: "changed"; readonly entry: Entry; readonly fields: readonly ChangedField[] }
  | { readonly kind: "removed"; readonly entry: Pick<Entry, "kind" | "id"> };

/** Returns what has to change so that the entries before become those after. Pure; the same entries change nothing. */
export function changesBetween(
  before: readonly Entry[],
  after: readonly Entry[],
): readonly Change[] {
  const earlier = new Map(before.map((entry) => [nameOf(entry), entry]));
  const later = new Set(after.map(nameOf));
  return [
    ...after.flatMap((entry): readonly Change[] => {
      const known = earlier.get(nameOf(entry));
      if (known === undefined) return [{ kind: "added", entry }];
      const fields = changedFields(known.declared, entry.declared, "");
      return fields.length === 0 ? [] : [{ kind: "changed", entry, fields }];
    }),
    ...before
      .filter((entry) => !later.has(nameOf(entry)))
      .map(({ kind, id }): Change => ({ kind: "removed", entry: { kind, id } })),
  ];
}

export function nameOf({ kind, id }: { readonly kind: Kind; readonly id: string }): string {
  return `${kind}/${id}`;
}

/** Lists are compared as a whole, because the place of an element has no meaning of its own. */
function changedFields(before: unknown, after: unknown, path: string): readonly ChangedField[] {
  if (isMap(before) && isMap(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
      changedFields(before[name], after[name], path === "" ? name : `${path}.${name}`),
    );
  return textOf(before) === textOf(after) ? [] : [{ path, before, after }];
}

function textOf(value: unknown): string {
  return value === undefined ? "" : canonicalJson(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
