import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDir } from "../../test/fake-program.ts";
import { serviceNames } from "../services.ts";
import { withCostsToken, withKnownCostsToken } from "./costs-token.ts";
import { accountsOf, hasAccounts, rememberAccounts } from "./remembered.ts";
import { brokerAccountsIn, connectedEnvironment, openParts } from "./stack-accounts.ts";

const addresses = { kafka: "127.0.0.1:1", registry: "http://127.0.0.1:2/apis/ccompat/v7" };
const usersOwn = {
  PATH: "/bin",
  SLUICE_KAFKA_SASL_USERNAME: "mine",
  SLUICE_KAFKA_SASL_PASSWORD_FILE: "/run/secrets/kafka",
  SLUICE_KAFKA_TLS: "true",
  SLUICE_REGISTRY_TOKEN: "mine",
  SLUICE_KAFKA_TOPIC_PREFIX: "prod.",
};

test("each role has an account of its own on each part, with a password that no other account has", () => {
  const accounts = accountsOf(temporaryDir(), true, []);
  const all = [...(accounts.kafka ?? []), ...(accounts.registry ?? [])].map(([, each]) => each);
  expect(all).toHaveLength(2 * (serviceNames.length + 2));
  expect(new Set(all.map(({ password }) => password)).size).toBe(all.length);
  expect(brokerAccountsIn(accounts.kafka ?? new Map()).admin.name).toBe("sluice-admin");
});

test("the accounts of a data directory are the same at each start", () => {
  const dataDir = temporaryDir();
  expect(accountsOf(dataDir, true, [])).toEqual(accountsOf(dataDir, true, []));
});

test("a server of the user has no account of the stack, and an open stack has none at all", () => {
  const accounts = accountsOf(temporaryDir(), true, ["kafka"]);
  expect(accounts.kafka).toBeNull();
  expect(accounts.registry?.get("client")?.name).toBe("sluice-client");
  expect(accountsOf(temporaryDir(), false, [])).toEqual(openParts);
});

test("the accounts of the parts replace those that the user set for other servers", () => {
  const accounts = accountsOf(temporaryDir(), true, []);
  const environment = connectedEnvironment(usersOwn, addresses, accounts, "client");
  expect(environment).toEqual({
    PATH: "/bin",
    SLUICE_KAFKA_TOPIC_PREFIX: "prod.",
    SLUICE_KAFKA_BROKERS: "127.0.0.1:1",
    SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
    SLUICE_KAFKA_SASL_USERNAME: "sluice-client",
    SLUICE_KAFKA_SASL_PASSWORD: accounts.kafka?.get("client")?.password,
    SLUICE_REGISTRY_URL: "http://127.0.0.1:2/apis/ccompat/v7",
    SLUICE_REGISTRY_USERNAME: "sluice-client",
    SLUICE_REGISTRY_PASSWORD: accounts.registry?.get("client")?.password,
  });
});

test("the accounts of the user's own servers reach the programs unchanged", () => {
  expect(connectedEnvironment(usersOwn, addresses, openParts, "client")).toEqual({
    ...usersOwn,
    SLUICE_KAFKA_BROKERS: "127.0.0.1:1",
    SLUICE_REGISTRY_URL: "http://127.0.0.1:2/apis/ccompat/v7",
  });
});

test("a data directory remembers that its parts require accounts", () => {
  const dataDir = temporaryDir();
  expect(hasAccounts(dataDir)).toBe(false);
  rememberAccounts(dataDir, { SLUICE_KAFKA_BROKERS: "kafka.test:9092" });
  expect(hasAccounts(dataDir)).toBe(true);
});

test("accounts are refused if Kafka and the registry are both the user's own", () => {
  const dataDir = temporaryDir();
  const environment = {
    SLUICE_KAFKA_BROKERS: "kafka.test:9092",
    SLUICE_REGISTRY_URL: "https://registry.test",
  };
  expect(() => rememberAccounts(dataDir, environment)).toThrow(/Omit --accounts/);
  expect(hasAccounts(dataDir)).toBe(false);
});

test("a stack with accounts has a token for its costs, unless the user set one", () => {
  const dataDir = temporaryDir();
  expect(withKnownCostsToken(usersOwn, dataDir)).toBe(usersOwn);
  expect(withCostsToken(usersOwn, dataDir, openParts)).toBe(usersOwn);
  const accounts = accountsOf(dataDir, true, ["kafka"]);
  const started = withCostsToken(usersOwn, dataDir, accounts);
  expect(readFileSync(started["SLUICE_COSTS_TOKEN_FILE"] ?? "", "utf8")).toMatch(/^[0-9a-f]{48}$/);
  expect(withKnownCostsToken(usersOwn, dataDir)).toEqual(started);
  const own = { SLUICE_COSTS_TOKEN: "a-token-of-16-ch" };
  expect(withCostsToken(own, dataDir, accounts)).toBe(own);
});
