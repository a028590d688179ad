import { expect, test } from "vitest";
import { admit, registryAccountsOf } from "./registry-rights.ts";

const accounts = registryAccountsOf(
  new Map([
    ["admin", { name: "sluice-admin", password: "a".repeat(48) }],
    ["client", { name: "sluice-client", password: "c".repeat(48) }],
  ]),
);
const api = "/apis/ccompat/v7";

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

function statusOf(
  [method, target]: readonly [string, string],
  authorization: string | undefined,
): number {
  const admission = admit({ method, target, authorization }, accounts);
  return admission.kind === "pass" ? 200 : admission.status;
}

const admin = basic("sluice-admin", "a".repeat(48));
const client = basic("sluice-client", "c".repeat(48));

test.each([
  [undefined],
  [""],
  ["Basic"],
  ["Basic !"],
  [`Bearer ${"a".repeat(48)}`],
  [basic("sluice-admin", "c".repeat(48))],
  [basic("sluice-client", "a".repeat(48))],
  [basic("sluice-admin", "")],
  [basic("", "a".repeat(48))],
  [basic("SLUICE-ADMIN", "a".repeat(48))],
  [`Basic ${Buffer.from("a".repeat(48)).toString("base64")}`],
])("the login %j is not an account, so even a lookup gets 401", (authorization) => {
  expect(statusOf(["GET", `${api}/subjects`], authorization)).toBe(401);
});

test.each([
  ["GET", `${api}/subjects`],
  ["GET", `${api}/schemas/ids/1?subject=a`],
  ["GET", `${api}/subjects/inference.requested-value/versions/latest`],
  ["HEAD", `${api}/subjects`],
  ["POST", `${api}/subjects/inference.requested-value?normalize=true`],
  ["POST", `${api}/compatibility/subjects/inference.requested-value/versions/latest`],
] as const)("every account may %s %s, which changes nothing", (method, target) => {
  expect(statusOf([method, target], client)).toBe(200);
  expect(statusOf([method, target], admin)).toBe(200);
});

test.each([
  ["POST", `${api}/subjects/inference.requested-value/versions`],
  ["POST", `${api}/subjects/inference.requested-value/versions/`],
  ["POST", `${api}/subjects/a%2Fversions`],
  ["POST", `${api}/subjects`],
  ["PUT", `${api}/config`],
  ["PUT", `${api}/mode`],
  ["DELETE", `${api}/subjects/inference.requested-value`],
  ["DELETE", `${api}/config/inference.requested-value`],
  ["PATCH", `${api}/subjects`],
] as const)("only the administrator may %s %s", (method, target) => {
  expect(statusOf([method, target], client)).toBe(403);
  expect(statusOf([method, target], admin)).toBe(200);
});

test.each([
  "/",
  "/apis/registry/v2/groups",
  "/apis/ccompat/v7/../../registry/v2/admin/rules",
  "/apis/ccompat/v7/%2e%2E/subjects",
  "/apis/ccompat/v7/.%2e/subjects",
  "/apis/ccompat/v7//subjects",
  "/apis/ccompat/v7/subjects;a=b",
  "/apis/ccompat/v7\\subjects",
  "http://other/apis/ccompat/v7/subjects",
  "/apis/ccompat/v7/subjects#a",
  "*",
])("%s is not an address of Confluent's API, so no account reaches it", (target) => {
  expect(statusOf(["GET", target], admin)).toBe(404);
  expect(statusOf(["POST", target], client)).toBe(404);
});
