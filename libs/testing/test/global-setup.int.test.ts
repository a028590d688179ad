import { connect } from "node:net";
import { expect, test } from "vitest";
import { stackAddresses } from "../src/stack-addresses.ts";

function opens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true));
    socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
  });
}

test("each part of the stack listens at the address that a suite receives", async () => {
  const { brokers, registryUrl, redisUrl, cacheRedisUrl, ledgerUrl } = stackAddresses();
  const urls = [registryUrl, redisUrl, cacheRedisUrl, ledgerUrl, `kafka://${brokers[0]}`];
  for (const { hostname, port } of urls.map((url) => new URL(url))) {
    expect(await opens(hostname, Number(port)), `${hostname}:${port}`).toBe(true);
  }
});

test("a missing address is reported with its remedy", () => {
  expect(() => stackAddresses({})).toThrow(
    /SLUICE_KAFKA_BROKERS is not set\. Run this suite in .*project "stack"/,
  );
});
