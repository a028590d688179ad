import { expect, test } from "vitest";
import { credentialsText, exportsText } from "./credentials.ts";

const server = { host: "127.0.0.1", port: 1, user: "", password: "secret" };
const ledger = {
  ...server,
  url: "postgres://accountant:secret@127.0.0.1:1/sluice",
  database: "sluice",
};

test("each account is one line, and what a stack does not have is left out", () => {
  const redis = { ...server, url: "redis://:secret@127.0.0.1:1" };
  const parts = {
    ledger,
    ledgerOwner: null,
    redis,
    cacheRedis: redis,
    kafka: { address: "127.0.0.1:3", client: null, admin: null },
    registry: { address: "http://127.0.0.1:4", client: null, admin: null },
    tenants: [],
    environment: {},
    unset: [],
    simulator: null,
    demoKey: null,
  };
  expect(credentialsText(parts)).toBe(
    [
      "  Ledger            postgres://accountant:secret@127.0.0.1:1/sluice",
      "  Redis             redis://:secret@127.0.0.1:1",
      "  Redis (cache)     redis://:secret@127.0.0.1:1",
      "",
    ].join("\n"),
  );
  const client = { name: "sluice-client", password: "c" };
  const kafka = { address: "127.0.0.1:3", client, admin: { name: "sluice-admin", password: "a" } };
  expect(credentialsText({ ...parts, kafka })).toMatch(
    /\n {2}Kafka +127.0.0.1:3 {2}sluice-client:c\n {2}Kafka \(admin\) +127.0.0.1:3 {2}sluice-admin:a\n/,
  );
  const acme = { tenant: "acme", kafka: { name: "sluice-tenant-acme", password: "t" } };
  const tenants = [{ ...acme, registry: null, environment: {}, unset: [] }];
  expect(credentialsText({ ...parts, tenants })).toMatch(
    /\n {2}Kafka \(acme\) +127.0.0.1:3 {2}sluice-tenant-acme:t\n$/,
  );
  const simulator = { url: "http://127.0.0.1:2", controlKey: "key" };
  expect(
    credentialsText({ ...parts, ledgerOwner: ledger, simulator, demoKey: "sk-sluice-demo-a" }),
  ).toMatch(
    /Ledger \(owner\) .*\n[^]*Simulator +http:\/\/127.0.0.1:2 {2}x-simulator-control-key: key\n +API key +sk-sluice-demo-a\n/,
  );
});

test("the variables are printed as commands of a shell, whatever characters they contain", () => {
  expect(
    exportsText({
      environment: { SLUICE_KAFKA_BROKERS: "a:1,b:2", SLUICE_API_KEY: "it's $HOME" },
      unset: [],
    }),
  ).toBe("export SLUICE_KAFKA_BROKERS='a:1,b:2'\nexport SLUICE_API_KEY='it'\\''s $HOME'\n");
});

test("the addresses of the default ports and what the stack does not have are unset, so that the next start does not take them for other servers", () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "127.0.0.1:19092",
    SLUICE_REGISTRY_URL: "http://127.0.0.1:20001/apis/ccompat/v7",
    SLUICE_BASE_URL: "http://127.0.0.1:8080/v1",
  };
  expect(exportsText({ environment, unset: ["SLUICE_API_KEY"] })).toBe(
    "unset SLUICE_KAFKA_BROKERS\nunset SLUICE_BASE_URL\nunset SLUICE_API_KEY\nexport SLUICE_REGISTRY_URL='http://127.0.0.1:20001/apis/ccompat/v7'\n",
  );
});
