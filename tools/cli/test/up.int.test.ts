import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findFreePorts,
  launcherOf,
  readStatus,
  removeDataDir,
  type StackStatus,
} from "@sluice/local-stack";
import { afterAll, expect, test } from "vitest";
import { finished, sluice } from "./own-stack.ts";

const dataDirs: string[] = [];

afterAll(async () => {
  await Promise.all(dataDirs.map((dataDir) => removeDataDir(dataDir, process.env)));
});

function newDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  dataDirs.push(dataDir);
  return dataDir;
}

function pidsOf({ parts }: StackStatus): Map<string, number | null> {
  return new Map(parts.map(({ name, pid }) => [name, pid]));
}

test("parts survive a killed launcher, the next launcher takes them over, and down stops every process", async () => {
  const dataDir = newDataDir();
  const up = ["up", "--parts-only", "--detach", "--free-ports", "--data-dir", dataDir];
  const first = await finished(up);
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toMatch(/kafka +ready after \d+\.\d s.*[\s\S]*Ready after/);
  const before = pidsOf(await readStatus(dataDir));

  const launcher = launcherOf(dataDir);
  process.kill(launcher?.pid ?? 0, "SIGKILL");
  process.kill(before.get("redis") ?? 0, "SIGKILL");
  expect(await finished(["status", "--data-dir", dataDir])).toMatchObject({ code: 1 });

  const again = sluice([...up, "--json"]);
  expect(await again.ended).toBe(0);
  expect(JSON.parse(again.stdout())).toMatchObject({ ready: true });
  const status = await finished(["status", "--json", "--data-dir", dataDir]);
  expect(status.code).toBe(0);
  const after = pidsOf(JSON.parse(status.output));
  expect(after.get("kafka")).toBe(before.get("kafka"));
  expect(after.get("redis")).not.toBe(before.get("redis"));

  expect(await finished(["down", "--data-dir", dataDir])).toMatchObject({ code: 0 });
  const pids = [...pidsOf(await readStatus(dataDir)).values()];
  expect(pids).toEqual([null, null, null, null, null]);
  expect(launcherOf(dataDir)).toBeUndefined();
});

test("Ctrl-C in the foreground stops everything within ten seconds, with exit code 0", async () => {
  const dataDir = newDataDir();
  const running = sluice(["up", "--parts-only", "--free-ports", "--data-dir", dataDir]);
  await expect.poll(running.output, { timeout: 60_000 }).toContain("Ctrl-C stops everything");
  const startMs = Date.now();
  running.child.kill("SIGINT");
  // One Ctrl-C can arrive twice, from the terminal and from npm.
  running.child.kill("SIGINT");
  expect(await running.ended).toBe(0);
  expect(Date.now() - startMs).toBeLessThan(10_000);
  expect([...pidsOf(await readStatus(dataDir)).values()]).toEqual([null, null, null, null, null]);
});

test("an occupied port is reported in one sentence with the remedy, and nothing is left running", async () => {
  const [port = 0] = await findFreePorts(1);
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const dataDir = newDataDir();
  const { code, output } = await finished(
    ["up", "--parts-only", "--free-ports", "--data-dir", dataDir],
    { SLUICE_REGISTRY_PORT: String(port) },
  );
  server.close();
  expect(code).toBe(1);
  expect(output).toContain(
    `listens on port ${port} (registry, SLUICE_REGISTRY_PORT). Stop that process`,
  );
  expect((await readStatus(dataDir)).parts.filter(({ pid }) => pid !== null)).toEqual([]);
});

test.each([
  [
    ["up", "--data-dir", "/proc/none"],
    {},
    /Cannot write to \/proc\/none \(ENOENT\): give --data-dir/,
  ],
  [["up", "--parts-only"], { JAVA_HOME: "/none" }, /need Java 17 or later.*set JAVA_HOME/],
  [["up", "--parts-only"], { SLUICE_REDIS_URL: "redis://127.0.0.1:1" }, /SLUICE_REDIS_URL is set/],
])("%j with %j reports the cause, and the exit code is 1", async (args, more, expected) => {
  const where = args.includes("--data-dir") ? [] : ["--data-dir", newDataDir(), "--free-ports"];
  const { code, output } = await finished([...args, ...where], more);
  expect(code).toBe(1);
  expect(output).toMatch(expected);
});

test.each([
  [["up", "--nonsense"], /^Unknown option '--nonsense'.*sluice help up/],
  [["sideways"], /^Unknown command 'sideways'.*sluice help/],
])("%j is a usage error, and the exit code is 2", async (args, expected) => {
  const { code, output } = await finished(args);
  expect(code).toBe(2);
  expect(output).toMatch(expected);
});

test("a stack that was never started is not ready, and stopping it succeeds", async () => {
  const where = ["--data-dir", newDataDir()];
  expect(await finished(["status", ...where])).toMatchObject({
    code: 1,
    output: expect.stringContaining("The local stack was never started."),
  });
  const { code, output } = await finished(["down", "--json", ...where]);
  expect(code).toBe(0);
  expect(JSON.parse(output)).toEqual({ wasRunning: false, remaining: [] });
});
