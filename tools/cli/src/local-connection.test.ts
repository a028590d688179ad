import { expect, test } from "vitest";
import { administrators, withStack } from "./local-connection.ts";

const account = { name: "sluice-admin", password: "secret" };
const stack = {
  addresses: { kafka: "a:1", registry: "http://b:2" },
  accounts: { kafka: new Map([["admin", account]]), registry: null },
};

test.each([
  ["the environment names no address", {}],
  ["the environment names the address of the local stack", { SLUICE_KAFKA_BROKERS: "a:1" }],
  [
    "the environment has the account of a user's program",
    { SLUICE_KAFKA_BROKERS: "a:1", SLUICE_KAFKA_SASL_USERNAME: "sluice-client" },
  ],
])("if %s, the account of the local stack is used", (_, environment) => {
  expect(withStack(environment, stack, administrators)).toEqual({
    SLUICE_KAFKA_BROKERS: "a:1",
    SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
    SLUICE_KAFKA_SASL_USERNAME: "sluice-admin",
    SLUICE_KAFKA_SASL_PASSWORD: "secret",
    SLUICE_REGISTRY_URL: "http://b:2",
  });
});

test("another Kafka does not receive the account of the local stack", () => {
  const environment = { SLUICE_KAFKA_BROKERS: "elsewhere:1" };
  expect(withStack(environment, stack, administrators)).toEqual({
    SLUICE_KAFKA_BROKERS: "elsewhere:1",
    SLUICE_REGISTRY_URL: "http://b:2",
  });
});

test("a command has an account of its own on each part", () => {
  const client = { name: "sluice-client", password: "reads" };
  const both = new Map([
    ["admin", account],
    ["client", client],
  ]);
  const closed = { ...stack, accounts: { kafka: both, registry: both } };
  expect(withStack({}, closed, { kafka: "admin", registry: "client" })).toMatchObject({
    SLUICE_KAFKA_SASL_USERNAME: "sluice-admin",
    SLUICE_KAFKA_SASL_PASSWORD: "secret",
    SLUICE_REGISTRY_USERNAME: "sluice-client",
    SLUICE_REGISTRY_PASSWORD: "reads",
  });
});
