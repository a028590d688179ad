import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configFrom } from "./config.ts";

test("the key is also read from a file, without the line end that an editor adds", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-simulator-"));
  const path = join(folder, "key");
  writeFileSync(path, "the key\n");
  expect(configFrom({ SLUICE_SIMULATOR_KEY_FILE: path }).key).toBe("the key");
  expect(configFrom({ SLUICE_SIMULATOR_KEY: "own", SLUICE_SIMULATOR_KEY_FILE: path }).key).toBe(
    "own",
  );
  expect(configFrom({}).key).toBeUndefined();
  rmSync(folder, { recursive: true });
});

test("a key file that is missing or empty ends the start, so that the simulator never accepts every client by mistake", () => {
  const missing = join(tmpdir(), "sluice-simulator-without-a-file");
  expect(() => configFrom({ SLUICE_SIMULATOR_KEY_FILE: missing })).toThrow(/ENOENT/);
  expect(() => configFrom({ SLUICE_SIMULATOR_KEY_FILE: "/dev/null" })).toThrow(/is empty/);
});
