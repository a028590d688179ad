import { expect, test } from "vitest";
import { hostNamesIn, isOwnHost } from "./admin-host.ts";

const names = hostNamesIn("ingress, Metrics.acme.example,");

test.each([
  undefined,
  "127.0.0.1",
  "127.0.0.1:19100",
  "10.1.2.3:19100",
  "[::1]:19100",
  "[fe80::1]",
  "localhost:19100",
  "LOCALHOST",
  "ingress:19100",
  "metrics.acme.example",
])("%s is an address of the admin port", (host) => {
  expect(isOwnHost(host, names)).toBe(true);
});

test.each([
  "",
  "evil.example",
  "evil.example:19100",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "ingress.evil.example",
  "127.0.0.1@evil.example",
  "127.0.0.1, evil.example",
  "[::1].evil.example",
  "2130706433",
])("%j is not", (host) => {
  expect(isOwnHost(host, names)).toBe(false);
});

test("without declared names only addresses and localhost are accepted", () => {
  expect(hostNamesIn("")).toEqual([]);
  expect(isOwnHost("ingress", [])).toBe(false);
});
