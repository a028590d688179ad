import type { Members } from "./wire-completion.ts";

/** Members whose text is a name and not a part of a longer text. */
const names: ReadonlySet<string> = new Set(["type", "id", "format", "name", "signature"]);

/**
 * Joins the members of two deltas of a message: texts are continued, lists are continued with each element by its `index`,
 * and of other values the last counts.
 */
export function joinedMembers(before: Members, more: Members): Members {
  const joined = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(more)) {
    const known = joined.get(name);
    joined.set(name, known === undefined ? value : joinedValue(name, known, value));
  }
  return Object.fromEntries(joined);
}

function joinedValue(name: string, before: unknown, more: unknown): unknown {
  if (typeof before === "string" && typeof more === "string")
    return names.has(name) ? more || before : before + more;
  if (Array.isArray(before) && Array.isArray(more)) return joinedList(before, more);
  if (isObject(before) && isObject(more)) return joinedMembers(before, more);
  return more ?? before;
}

/** Providers that stream a list give each element an index, under which they continue it. */
function joinedList(before: readonly unknown[], more: readonly unknown[]): readonly unknown[] {
  const joined = [...before];
  for (const element of more) {
    const at = joined.findLastIndex((known) => isSame(known, element));
    const known = joined[at];
    if (isObject(known) && isObject(element)) joined[at] = joinedMembers(known, element);
    else joined.push(element);
  }
  return joined;
}

function isSame(known: unknown, element: unknown): boolean {
  if (!isObject(known) || !isObject(element)) return false;
  const { index, type } = element;
  return typeof index === "number" && known["index"] === index && known["type"] === type;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
