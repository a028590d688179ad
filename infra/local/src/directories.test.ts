import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeDataDir } from "./directories.ts";
import { temporaryDir } from "../test/fake-program.ts";

function modeOf(folder: string): string {
  return (statSync(folder).mode & 0o7777).toString(8);
}

/** Returns a folder that every account of the machine may enter, with these files. */
function openFolder(names: readonly string[]): string {
  const folder = join(temporaryDir(), "data");
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, name), "");
  chmodSync(folder, 0o755);
  return folder;
}

test("a new data directory is closed to other accounts, and its parents are not", () => {
  const folder = join(temporaryDir(), "a", "data");
  makeDataDir(folder);
  expect(modeOf(folder)).toBe("700");
  expect(modeOf(join(folder, ".."))).toBe((0o777 & ~process.umask()).toString(8));
});

test.each([[[]], [["state.json", "logs"]], [["sluice.yaml"]]])(
  "an existing data directory with %j is closed to other accounts",
  (names) => {
    const folder = openFolder(names);
    makeDataDir(folder);
    expect(modeOf(folder)).toBe("700");
  },
);

test.each([
  [["passwd", "logs"]],
  [["sluice.yaml", "package.json", "src"]],
  [["state.json", "index.html"]],
])(
  "the folder of another program with %j is refused, and its permissions do not change",
  (names) => {
    const folder = openFolder(names);
    expect(() => makeDataDir(folder)).toThrow(
      /has files of other programs.*mode 0755.*Give --data-dir a new directory/,
    );
    expect(modeOf(folder)).toBe("755");
  },
);

test("a folder that the user has closed is accepted with any files", () => {
  const folder = openFolder(["notes.txt"]);
  chmodSync(folder, 0o700);
  expect(() => makeDataDir(folder)).not.toThrow();
});
