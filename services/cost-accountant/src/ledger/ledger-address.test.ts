import { expect, test } from "vitest";
import { ledgerAddressProblem } from "./ledger-address.ts";

const base = "postgres://accountant:canary@ledger.internal:5432/sluice";
const caFile = import.meta.filename;

test("an address without TLS, and one that verifies the server's name and chain, are valid", () => {
  expect(ledgerAddressProblem(base)).toBeUndefined();
  expect(ledgerAddressProblem(`${base}?sslmode=disable`)).toBeUndefined();
  expect(ledgerAddressProblem(`${base}?sslmode=verify-full&sslrootcert=${caFile}`)).toBeUndefined();
});

test.for([
  ["http://ledger", "is not a postgres"],
  [`${base}?sslmode=require`, "does not verify the server"],
  [`${base}?sslmode=no-verify`, "set verify-full or disable"],
  [`${base}?sslmode=verify-full&uselibpqcompat=true`, "uselibpqcompat"],
  [`${base}?ssl=true`, "use sslmode alone"],
  [`${base}?sslrootcert=${caFile}`, "no effect without sslmode"],
  [`${base}?sslmode=verify-full&sslrootcert=nowhere.pem`, "cannot be read: nowhere.pem"],
] as const)("%s is refused with the reason, which does not contain its password", ([url, part]) => {
  expect(ledgerAddressProblem(url)).toContain(part);
  expect(ledgerAddressProblem(url)).not.toContain("canary");
});
