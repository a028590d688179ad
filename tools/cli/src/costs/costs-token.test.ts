import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UsageError } from "../usage-error.ts";
import { fetchCosts } from "./costs.ts";
import { costsHeaders } from "./costs-token.ts";

const token = "a-token-of-16-ch";
const folder = mkdtempSync(join(tmpdir(), "sluice-costs-"));
let server: Server;
let address: string;

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response) => {
    const isAllowed = request.headers.authorization === `Bearer ${token}`;
    response.writeHead(isAllowed ? 200 : 401).end(isAllowed ? '{"rows":[]}' : '{"error":"no"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const costsWith = (environment: NodeJS.ProcessEnv) =>
  fetchCosts(address, new URLSearchParams({ by: "tenant" }), costsHeaders(environment));

test("the token is taken from the environment, or from the file that it names", async () => {
  const path = join(folder, "token");
  writeFileSync(path, `${token}\n`);
  expect(await costsWith({ SLUICE_COSTS_TOKEN: token })).toEqual({ rows: [] });
  expect(await costsWith({ SLUICE_COSTS_TOKEN_FILE: path })).toEqual({ rows: [] });
});

test("a missing or a wrong token is a usage error that names the variables", async () => {
  for (const environment of [{}, { SLUICE_COSTS_TOKEN: "another-token-of-some" }]) {
    const costs = costsWith(environment);
    await expect(costs).rejects.toThrow(UsageError);
    await expect(costs).rejects.toThrow(/SLUICE_COSTS_TOKEN or SLUICE_COSTS_TOKEN_FILE/);
  }
});

test("a token that cannot be one is reported without being shown", () => {
  expect(() => costsHeaders({ SLUICE_COSTS_TOKEN: "canary" })).toThrow(/SLUICE_COSTS_TOKEN: .*16/);
  expect(() => costsHeaders({ SLUICE_COSTS_TOKEN: "canary" })).not.toThrow("canary");
});
