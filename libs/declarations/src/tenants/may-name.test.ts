import { array, assert, constantFrom, property, string } from "fast-check";
import { expect, test } from "vitest";
import { declaredWith, errorsWith } from "../declared.fixture.ts";
import { isAllowedName, isClientName } from "./may-name.ts";

test.each([
  ["ada", ["ada"], true],
  ["ada", ["eva", "ada"], true],
  ["adam", ["ada"], false],
  ["ada", ["*"], true],
  ["chat.web", ["chat.*"], true],
  ["chat", ["chat.*"], false],
  ["eu-chat-web", ["eu-*-web"], true],
  ["eu-web", ["eu-*-web"], false],
  ["ab", ["ab*b"], false],
  ["a1b2c", ["a*b*c"], true],
  ["a1c2b", ["a*b*c"], false],
  ["abab", ["*ab*ab"], true],
  ["bab", ["*a*a*"], false],
  ["ada", [], false],
  ["axb", ["a.b"], false],
])("%s under %j is allowed: %s", (name, patterns, isAllowed) => {
  expect(isAllowedName(name, patterns)).toBe(isAllowed);
});

test("a pattern allows the same names as the regular expression with .* for each *", () => {
  const letters = array(constantFrom("a", "b", "*"), { maxLength: 8 });
  const names = array(constantFrom("a", "b"), { maxLength: 10 });
  assert(
    property(letters, names, (pattern, name) => {
      const text = pattern.join("");
      const expected = new RegExp(`^${text.replaceAll("*", ".*")}$`);
      expect(isAllowedName(name.join(""), [text])).toBe(expected.test(name.join("")));
    }),
    { numRuns: 5_000 },
  );
});

test("a pattern that makes a backtracking expression run for years is matched at once", () => {
  const name = "a".repeat(128);
  const hostile = Array.from({ length: 100 }, () => `${"a*".repeat(63)}b`);
  const began = performance.now();
  for (let each = 0; each < 100; each += 1) expect(isAllowedName(name, hostile)).toBe(false);
  // Ten thousand comparisons. The bound leaves room for a loaded machine; backtracking would not end.
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("a name has at most 128 safe characters and does not begin like a formula", () => {
  for (const name of ["ada", "ada.l+1@acme.example", "a".repeat(128), "_1", "team/a:b"])
    expect(isClientName(name)).toBe(true);
  for (const name of ["", "a".repeat(129), "two words", "@ada", "-1", "=1", "+1", "é", "a\n", "a*"])
    expect(isClientName(name)).toBe(false);
  assert(property(string(), (text) => !isClientName(text) || /^[\x21-\x7e]+$/.test(text)));
});

test("a key lists what a request may name, and nothing if the file says nothing", () => {
  const keysOf = (key: string) => declaredWith({ key }).keys()[0]?.mayName;
  expect(keysOf("")).toEqual({ user: [], feature: [] });
  expect(keysOf('mayName: { user: ["*"] }')).toEqual({ user: ["*"], feature: [] });
  expect(keysOf('mayName: { feature: [search, "chat.*"] }')).toEqual({
    user: [],
    feature: ["search", "chat.*"],
  });
});

test.each([
  ["mayName: { team: [x] }", "mayName.team: unknown key"],
  ['mayName: { user: ["a b"] }', "mayName.user[0]: expected letters"],
  ['mayName: { user: [""] }', "mayName.user[0]: expected letters"],
])("%s is refused with %s", (key, error) => {
  const errors = errorsWith({ key });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(`4 tenants[0].keys[0].${error}`);
});
