import { mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { occupy } from "../test/fake-program.ts";
import {
  assertPortsFree,
  configuredPorts,
  defaultPorts,
  findFreePorts,
  isFree,
  isListening,
  portNames,
  portVariableOf,
} from "./ports.ts";

test("an environment without port variables gives the default ports", () => {
  expect(configuredPorts({}, undefined)).toEqual(defaultPorts);
});

test("a port in the environment replaces the one that the data directory used last time", () => {
  const kept = { ...defaultPorts, http: 21_000, kafka: 21_001 };
  const ports = configuredPorts({ SLUICE_HTTP_PORT: "8090" }, kept);
  expect(ports).toMatchObject({ http: 8090, kafka: 21_001 });
});

test("every port has its own variable", () => {
  expect(new Set(portNames.map(portVariableOf)).size).toBe(portNames.length);
  expect(portVariableOf("inference-adapter-admin")).toBe("SLUICE_INFERENCE_ADAPTER_ADMIN_PORT");
});

test.each(["abc", "0", "70000", "1.5"])(
  "%s is refused as a port, and the message names the variable",
  (text) => {
    expect(() => configuredPorts({ SLUICE_REDIS_PORT: text }, undefined)).toThrow(
      /SLUICE_REDIS_PORT is ".+", which is not a port/,
    );
  },
);

test("a port that is in use is reported with the variable that changes it", async () => {
  const [taken = 0] = await findFreePorts(1);
  const release = await occupy(taken);
  const ports = { ...defaultPorts, registry: taken };
  await expect(assertPortsFree(ports, ["registry"])).rejects.toThrow(
    new RegExp(`port ${taken} \\(registry, SLUICE_REGISTRY_PORT\\).*--free-ports`),
  );
  await release();
  await expect(assertPortsFree(ports, ["registry"])).resolves.toBeUndefined();
});

test("unused ports are distinct, free, and below the range of outgoing connections", async () => {
  const ports = await findFreePorts(13);
  expect(new Set(ports).size).toBe(13);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  expect(await Promise.all(ports.map(isFree))).not.toContain(false);
});

test("a listening server is detected even if the process is busy beyond the time limit", async () => {
  const [port = 0] = await findFreePorts(1);
  const release = await occupy(port);
  const listening = isListening("127.0.0.1", port, 20);
  // Blocks the event loop, as loading a large module does.
  const busyUntil = performance.now() + 100;
  while (performance.now() < busyUntil) continue;
  expect(await listening).toBe(true);
  await release();
});

test("a port that another start has chosen is not chosen again before its server had time to listen", async () => {
  const claims = mkdtempSync(join(tmpdir(), "sluice-ports-"));
  const chosen = await findFreePorts(13, claims);
  expect(readdirSync(claims).toSorted()).toEqual(chosen.map(String).toSorted());
  const random = vi.spyOn(Math, "random");
  const shareOf = (port: number) => (port - 20_000 + 0.5) / 12_000;
  random.mockReturnValueOnce(shareOf(chosen[0]!));
  expect(await findFreePorts(1, claims)).not.toEqual([chosen[0]]);

  const threeMinutesAgo = (Date.now() - 180_000) / 1_000;
  utimesSync(join(claims, String(chosen[0])), threeMinutesAgo, threeMinutesAgo);
  random.mockReturnValueOnce(shareOf(chosen[0]!));
  expect(await findFreePorts(1, claims)).toEqual([chosen[0]]);
  random.mockRestore();
  rmSync(claims, { recursive: true });
});

test("ports are found if nothing can be written about them", async () => {
  expect(await findFreePorts(2, "/dev/null/ports")).toHaveLength(2);
});
