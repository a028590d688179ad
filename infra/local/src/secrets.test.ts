import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDir } from "../test/fake-program.ts";
import { ensureCredentials } from "./secrets.ts";

test("each password is generated once for each data directory, and only its owner can read it", () => {
  const dataDir = temporaryDir();
  const first = ensureCredentials(dataDir);
  expect(ensureCredentials(dataDir)).toEqual(first);
  expect(first.redis.redis).toMatch(/^[0-9a-f]{48}$/);
  expect(first.redis["cache-redis"]).not.toBe(first.redis.redis);
  expect(ensureCredentials(temporaryDir()).redis.redis).not.toBe(first.redis.redis);
  const folder = join(dataDir, "secrets");
  for (const name of readdirSync(folder))
    expect((statSync(join(folder, name)).mode & 0o777).toString(8)).toBe("600");
});
