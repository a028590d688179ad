import { expect, test } from "vitest";
import { ledgerAddressProblem } from "./ledger-address.ts";

const base = "postgres://accountant:canary@ledger.internal:5432/sluice";
const caFile = import.meta.filename;

test("an address without TLS, and one that verifies name and chain, are taken", () => {
  expect(ledgerAddressProblem(base)).toBeUndefined();
  expect(ledgerAddressProblem(`${base}?sslmode=disable`)).toBeUndefined();
  expect(ledgerAddressProblem(`${base}?sslmode=verify-full&sslrootcert=${caFile}`)).toBeUndefined();
});

test.for([
  ["http://ledger", "is no postgres"],
  [`${base}?sslmode=require`, "does not verify whom we talk to"],
  [`${base}?sslmode=no-verify`, "set verify-full"],
  [`${base}?sslmode=verify-full&uselibpqcompat=true`, "uselibpqcompat"],
  [`${base}?ssl=true`, "sslmode says it all"],
  [`${base}?sslrootcert=${caFile}`, "no effect without sslmode"],
  [`${base}?sslmode=verify-full&sslrootcert=nowhere.pem`, "cannot be read, nowhere.pem"],
] as const)(
  "%s is refused by what is wrong with it, and its password is not shown",
  ([url, part]) => {
    expect(ledgerAddressProblem(url)).toContain(part);
    expect(ledgerAddressProblem(url)).not.toContain("canary");
  },
);
