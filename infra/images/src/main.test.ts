import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programs } from "./programs.ts";

/** Runs one of this package's programs as the image does. */
function run(file: string, ...args: readonly string[]): Promise<{ code: number; errors: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(import.meta.dirname, file), ...args],
      { env: { SLUICE_ADMIN_PORT: "1" } },
      (_, __, errors) => resolve({ code: child.exitCode ?? -1, errors }),
    );
  });
}

async function healthWhenAnswered(status: number): Promise<number> {
  const requested: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    requested.push(request.url);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port, not on a pipe
  const { port } = server.address() as AddressInfo;
  const { code } = await run("health-main.ts", String(port));
  server.close();
  expect(requested).toEqual(["/healthz"]);
  return code;
}

test("a container is healthy if its program answers with success", async () => {
  expect(await healthWhenAnswered(200)).toBe(0);
});

test("a container is unhealthy if its program answers with an error or does not answer", async () => {
  expect(await healthWhenAnswered(503)).toBe(1);
  expect(await run("health-main.ts")).toMatchObject({ code: 1 });
});

test("a missing or an unknown program name ends with a message that lists the programs", async () => {
  for (const args of [[], ["ingres"]]) {
    const { code, errors } = await run("main.ts", ...args);
    expect(code).toBe(1);
    expect(Object.keys(programs).filter((name) => !errors.includes(name))).toEqual([]);
  }
});
