import { connect } from "node:net";
import { expect, test } from "vitest";
import { stackAddresses } from "../src/stack-addresses.ts";

function opens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true));
    socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
  });
}

test("a suite finds every part of the stack at the address it is given", async () => {
  const { brokers, registryUrl, redisUrl, cacheRedisUrl, ledgerUrl } = stackAddresses();
  const urls = [registryUrl, redisUrl, cacheRedisUrl, ledgerUrl, `kafka://${brokers[0]}`];
  for (const { hostname, port } of urls.map((url) => new URL(url))) {
    expect(await opens(hostname, Number(port)), `${hostname}:${port}`).toBe(true);
  }
});

test("an address that is missing is named with its remedy", () => {
  expect(() => stackAddresses({})).toThrow(/SLUICE_KAFKA_BROKERS is not set.*project "stack"/);
});
