import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalStack } from "@sluice/local-stack";
import { afterAll, expect, test } from "vitest";
import { topicsAddress } from "./addresses.ts";

/** A data directory whose launcher runs, with accounts and without any server. */
const dataDir = mkdtempSync(join(tmpdir(), "sluice-cli-stopped-"));
afterAll(() => rmSync(dataDir, { recursive: true }));

async function launched(): Promise<LocalStack> {
  const report = () => undefined;
  const options = { dataDir, freePorts: true, environment: {}, report, accounts: true };
  const stack = await LocalStack.open(options);
  const { addresses, accounts } = stack;
  expect(accounts.registry?.size).toBeGreaterThan(2);
  const file = join(dataDir, "state.json");
  const state: object = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...state, addresses, accounts: true }));
  return stack;
}

/** Runs an action while a process of the account listens on a port of 127.0.0.1. */
async function whileListening(uid: number, port: number, action: () => void): Promise<void> {
  const script = `require("node:net").createServer().listen(${port}, "127.0.0.1", () => console.log("on"));`;
  const child = spawn(process.execPath, ["-e", script], { uid, gid: uid, cwd: "/" });
  await once(child.stdout, "data");
  try {
    action();
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

test.runIf(process.platform === "linux" && process.getuid?.() === 0)(
  "a command uses the accounts of the stack only while its launcher and its registry run",
  async () => {
    const stack = await launched();
    const port = stack.ports.registry;
    const address = () => topicsAddress(dataDir, {});
    expect(address).toThrow(/No process of your account listens on http/);
    await whileListening(54_321, port, () => {
      expect(address).toThrow(/its password was not sent/);
      const own = { SLUICE_REGISTRY_URL: "https://registry.test" };
      expect(topicsAddress(dataDir, own).registryAccess).toEqual({});
    });
    await whileListening(0, port, () =>
      expect(address()).toMatchObject({
        kafka: { sasl: { username: "sluice-admin" } },
        registryAccess: { basic: { username: "sluice-client" } },
      }),
    );
    await stack.stop();
    await whileListening(0, port, () => expect(address).toThrow(/No local stack is running/));
  },
);
