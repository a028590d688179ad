import { expect, test } from "vitest";
import { shownAddress } from "./external.ts";
import { isRecentMaven } from "./downloads.ts";
import { majorOf } from "./servers/java.ts";

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "25" 2025-09-16 LTS', 25],
  ['java version "1.8.0_402"', 1],
  ["spawn java ENOENT", 0],
])("the version text %s is recognised as Java %i", (text, major) => {
  expect(majorOf(text)).toBe(major);
});

test.each([
  ["\u001B[1mApache Maven 3.8.7\u001B[m", true],
  ["Apache Maven 4.0.0", true],
  ["Apache Maven 3.6.3", false],
  ["mvn: not found", false],
])("whether the version text %j is a recent enough Maven: %s", (text, isRecent) => {
  expect(isRecentMaven(text)).toBe(isRecent);
});

test("an address is shown without its password", () => {
  expect(shownAddress("postgres://sluice:secret@db.test/sluice")).toBe("postgres://db.test/sluice");
});
