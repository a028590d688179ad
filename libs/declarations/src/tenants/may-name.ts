import { z } from "zod";

/**
 * The form of a user or feature that a client names: that of declared names, and `@` and `+` for e-mail addresses. It
 * begins with a letter, a digit or an underscore, because a spreadsheet reads a cell that begins with another sign as a
 * formula.
 */
const clientName = /^\w[\w.:/@+-]{0,127}$/;

export const clientNameForm =
  "1 to 128 letters, digits and . : / @ + _ -, the first of them a letter, a digit or _";

/** Returns whether a client may give this name to a user or a feature, if its key allows it. */
export function isClientName(text: string): boolean {
  return clientName.test(text);
}

const pattern = z
  .string()
  .regex(
    /^[\w.:/@+*-]{1,128}$/,
    "expected letters, digits and . : / @ + _ -, and * for any number of them, at most 128 characters",
  );

/** Each name of a request is compared with all of them. */
const patterns = z.array(pattern).max(100).default([]);

/** What a request may say about who pays for it. */
export const mayName = z
  .strictObject({
    user: patterns.describe(
      "The users that a request may name as the one who pays, as names or as patterns in which * is any number of characters; none if absent.",
    ),
    feature: patterns.describe("The features that a request may name, in the same way."),
  })
  .prefault({})
  .describe(
    "What a client may name in its requests, by x-sluice-user and x-sluice-feature over HTTP, or user and feature on Kafka. A request that names nothing has the user and the feature of the key.",
  );

/**
 * Returns whether the name is one that the patterns allow. `*` is any number of characters, and every other character is
 * itself. It searches for each part once, so the time is bounded by both lengths for every pattern. Pure.
 */
export function isAllowedName(name: string, allowed: readonly string[]): boolean {
  return allowed.some((each) => matches(name, each));
}

function matches(name: string, allowed: string): boolean {
  const [first = "", ...rest] = allowed.split("*");
  const last = rest.pop();
  if (last === undefined) return name === allowed;
  if (!name.startsWith(first) || name.length < first.length + last.length) return false;
  if (!name.endsWith(last)) return false;
  const middle = name.slice(first.length, name.length - last.length);
  // The first place of each part leaves the most for the parts after it.
  let at = 0;
  return rest.every((part) => {
    const found = middle.indexOf(part, at);
    at = found + part.length;
    return found >= 0;
  });
}
