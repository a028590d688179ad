import { expect, test } from "vitest";
import { occupy } from "../test/fake-program.ts";
import {
  answers,
  assertPortsFree,
  configuredPorts,
  defaultPorts,
  findFreePorts,
  isFree,
  portNames,
  portVariableOf,
} from "./ports.ts";

test("without a word in the environment the ports are those of the design", () => {
  expect(configuredPorts({}, undefined)).toEqual(defaultPorts);
});

test("the environment decides before what the data directory used last time", () => {
  const kept = { ...defaultPorts, http: 21_000, kafka: 21_001 };
  const ports = configuredPorts({ SLUICE_HTTP_PORT: "8090" }, kept);
  expect(ports).toMatchObject({ http: 8090, kafka: 21_001 });
});

test("every port has a variable of its own", () => {
  expect(new Set(portNames.map(portVariableOf)).size).toBe(portNames.length);
  expect(portVariableOf("inference-adapter-admin")).toBe("SLUICE_INFERENCE_ADAPTER_ADMIN_PORT");
});

test.each(["abc", "0", "70000", "1.5"])("%s is no port, and the variable is named", (text) => {
  expect(() => configuredPorts({ SLUICE_REDIS_PORT: text }, undefined)).toThrow(
    /SLUICE_REDIS_PORT is ".+", which is no port/,
  );
});

test("a taken port is named with the variable that moves it", async () => {
  const [taken = 0] = await findFreePorts(1);
  const release = await occupy(taken);
  const ports = { ...defaultPorts, registry: taken };
  await expect(assertPortsFree(ports, ["registry"])).rejects.toThrow(
    new RegExp(`port ${taken} \\(registry, SLUICE_REGISTRY_PORT\\).*--free-ports`),
  );
  await release();
  await expect(assertPortsFree(ports, ["registry"])).resolves.toBeUndefined();
});

test("free ports differ, are free, and lie below those of outgoing connections", async () => {
  const ports = await findFreePorts(13);
  expect(new Set(ports).size).toBe(13);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  expect(await Promise.all(ports.map(isFree))).not.toContain(false);
});

test("a server that answers is found, however busy the process was meanwhile", async () => {
  const [port = 0] = await findFreePorts(1);
  const release = await occupy(port);
  const answering = answers("127.0.0.1", port, 20);
  // As loading a large module does.
  const busyUntil = performance.now() + 100;
  while (performance.now() < busyUntil) continue;
  expect(await answering).toBe(true);
  await release();
});
