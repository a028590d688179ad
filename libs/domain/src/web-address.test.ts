import { expect, test } from "vitest";
import { isLoopback, webAddressProblem } from "./web-address.ts";

const problemOf = (address: string, allowPlainHttp = false) =>
  webAddressProblem(address, { allowPlainHttp, allowedBy: "allowPlainHttp: true" });

test.each([
  "https://api.example.com/v1",
  "http://127.0.0.1:8000/v1",
  "http://localhost:1/v1",
  "http://[::1]:8000/v1",
  "HTTPS://api.example.com",
])("%s can be a base address", (address) => {
  expect(problemOf(address)).toBeUndefined();
});

test.each([
  ["http://models.example.com/v1", /plain http.*allowPlainHttp: true/],
  ["http://localhost.example.com/v1", /plain http/],
  ["http://127.0.0.1.example.com", /plain http/],
  ["http://0.0.0.0:80", /plain http/],
  ["https://canary:canary@api.example.com/v1", /user or a password/],
  ["https://canary@api.example.com/v1", /user or a password/],
  ["https://:@api.example.com/v1", /user or a password/],
  ["https://api.example.com/v1?key=canary", /query or a fragment/],
  ["https://api.example.com/v1?", /query or a fragment/],
  ["https://api.example.com/v1#canary", /query or a fragment/],
  ["https://", /not an http/],
  ["https:canary", /not an http/],
  ["ftp://canary", /not an http/],
])("%s is refused with a remedy, and is not shown", (address, expected) => {
  expect(problemOf(address)).toMatch(expected);
  expect(problemOf(address)).not.toContain("canary");
});

test("plain HTTP to another machine is accepted if it is declared", () => {
  expect(problemOf("http://simulator:19097/v1", true)).toBeUndefined();
  expect(problemOf("http://a:b@simulator:19097/v1", true)).toMatch(/user or a password/);
});

test("only addresses of this machine are on loopback", () => {
  expect(["127.0.0.1", "127.9.9.9", "::1", "[::1]", "LocalHost"].filter(isLoopback)).toHaveLength(
    5,
  );
  const others = ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "ingress", ""];
  expect(others.filter(isLoopback)).toEqual([]);
});
