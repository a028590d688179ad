import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { isAnswering } from "../src/services.ts";
import type { Program } from "../src/supervise/program.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Returns a new folder that is removed after the tests of the file. */
export function temporaryDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-unit-"));
  folders.push(folder);
  return folder;
}

/**
 * Returns the program of a minimal HTTP server that replaces a real part. It hangs when it is asked for `/hang`, and
 * closes its port when it is asked for `/close`.
 */
export function fakeServer(
  name: string,
  port: number,
  behaviour: "serves" | "ignores-sigterm" | "ends-at-once" = "serves",
): Program {
  const scripts = {
    serves: "",
    "ignores-sigterm": 'process.on("SIGTERM", () => console.log("no"));',
    "ends-at-once": 'console.error("cannot read the configuration"); process.exit(3);',
  };
  const script = `${scripts[behaviour]}
    const server = require("node:http").createServer(({ url }, answer) => {
      while (url === "/hang");
      if (url === "/close") server.close(() => setInterval(() => undefined, 1_000));
      answer.setHeader("connection", "close").end();
    });
    server.listen(${port}, "127.0.0.1");`;
  return {
    name,
    command: process.execPath,
    args: ["-e", script],
    environment: { PATH: process.env["PATH"] ?? "" },
    address: `http://127.0.0.1:${port}`,
    stopSignal: "SIGTERM",
    stopGraceMs: 1_000,
    adoptable: true,
    startAttempts: 2,
    healthUrl: `http://127.0.0.1:${port}/healthz`,
    isReady: () => isAnswering(`http://127.0.0.1:${port}`),
  };
}

/** Occupies a port, as a server of the user might. Returns a function that releases it. */
export async function occupy(port: number): Promise<() => Promise<void>> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return () => new Promise((resolve) => void server.close(() => resolve()));
}
