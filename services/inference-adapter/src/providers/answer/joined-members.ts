import type { Members } from "./answer-part.ts";

/** Members whose text is a name and not a part of a longer text. */
const names: ReadonlySet<string> = new Set([
  "type",
  "id",
  "format",
  "name",
  "signature",
  "thought_signature",
]);

/**
 * Joins the members of two deltas of a message: texts are continued, lists are continued with each element by its `index`,
 * and of other values the last counts.
 */
export function joinedMembers(before: Members, more: Members): Members {
  const joined = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(more)) {
    const known = joined.get(name);
    // A list is continued in place, and the chunk's own list is still to be sent.
    const own = Array.isArray(value) ? [...value] : value;
    joined.set(name, known === undefined ? own : joinedValue(name, known, value));
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

/** How far back an element is looked for, so that the time grows with the length of a list and not with its square. */
const lookBack = 32;

/** Providers that stream a list give each element an index, under which they continue it. */
function joinedList(joined: unknown[], more: readonly unknown[]): readonly unknown[] {
  for (const element of more) {
    const at = placeOf(joined, element);
    const known = joined[at];
    if (isObject(known) && isObject(element)) joined[at] = joinedMembers(known, element);
    else joined.push(element);
  }
  return joined;
}

function placeOf(joined: readonly unknown[], element: unknown): number {
  if (!isObject(element) || typeof element["index"] !== "number") return -1;
  for (let at = joined.length - 1; at >= Math.max(0, joined.length - lookBack); at -= 1) {
    const known = joined[at];
    if (isObject(known) && known["index"] === element["index"] && known["type"] === element["type"])
      return at;
  }
  return -1;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
