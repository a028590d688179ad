import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { externalAddress, shownAddress, withoutPassword } from "./external.ts";
import { emptyState, writeState } from "./state-file.ts";
import { defaultPorts } from "./ports.ts";
import { readStatus } from "./status.ts";

const secret = "canary";

test.for([
  [`redis://:${secret}@redis:6379/0`, "redis://redis:6379/0"],
  [`rediss://state:${secret}@redis:6380/0`, "rediss://state@redis:6380/0"],
  [
    `postgres://accountant:${secret}@db/sluice?sslmode=verify-full`,
    "postgres://accountant@db/sluice?sslmode=verify-full",
  ],
  [`postgres://accountant@db/sluice?password=${secret}&a=b`, "postgres://accountant@db/sluice?a=b"],
  [`postgres://db/sluice?password=${secret}`, "postgres://db/sluice"],
  ["postgres://sluice@127.0.0.1:19096/sluice", "postgres://sluice@127.0.0.1:19096/sluice"],
] as const)(
  "%s is given to programs without its password, and shown to people without user and password",
  ([address, expected]) => {
    expect(withoutPassword(address)).toBe(expected);
    expect(shownAddress(address)).not.toMatch(/canary|state|accountant/);
  },
);

test("an address, which may contain a password, can be read from a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-external-"));
  const file = join(folder, "url");
  writeFileSync(file, "redis://file:1\n");
  expect(externalAddress("redis", { SLUICE_REDIS_URL_FILE: file })).toBe("redis://file:1");
  expect(externalAddress("redis", { SLUICE_REDIS_URL: "" })).toBeUndefined();
  rmSync(folder, { recursive: true });
});

test("the status of a stack on secured parts shows no password", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-status-"));
  writeState(folder, {
    ...emptyState({ ...defaultPorts }, false),
    external: ["kafka", "registry", "redis", "postgres"],
    addresses: {
      kafka: "127.0.0.1:9",
      registry: "https://127.0.0.1:9",
      redis: `rediss://state:${secret}@127.0.0.1:9/0`,
      cacheRedis: `rediss://cache:${secret}@127.0.0.1:9/1`,
      ledger: `postgres://accountant:${secret}@127.0.0.1:9/sluice`,
      ledgerOwner: `postgres://owner:${secret}@127.0.0.1:9/sluice`,
    },
  });
  const status = JSON.stringify(await readStatus(folder));
  expect(status).toContain("rediss://state@127.0.0.1:9/0");
  expect(status).not.toContain(secret);
  rmSync(folder, { recursive: true });
});
