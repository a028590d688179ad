import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readAccess, readConnection } from "./access.ts";
import { accountsOf } from "./accounts/remembered.ts";
import { defaultPorts } from "./ports.ts";
import { emptyState, writeState } from "./state-file.ts";
import { tryLock } from "./supervise/lock.ts";
import { temporaryDir } from "../test/fake-program.ts";

const state = {
  ...emptyState({ ...defaultPorts }, false),
  addresses: {
    kafka: "127.0.0.1:19092",
    registry: "http://127.0.0.1:19094/apis/ccompat/v7",
    redis: "redis://:a%40b@127.0.0.1:19095",
    cacheRedis: "rediss://cache:c@cache.test",
    ledger: "postgres://accountant:d@127.0.0.1:19096/sluice?sslmode=disable",
    ledgerOwner: null,
  },
};

test("the accounts of a running stack are returned part by part, as its programs use them", () => {
  const dataDir = temporaryDir();
  writeState(dataDir, state);
  const launcher = tryLock(join(dataDir, "lock"));
  expect(readAccess(dataDir)).toMatchObject({
    ledger: {
      host: "127.0.0.1",
      port: 19096,
      user: "accountant",
      password: "d",
      database: "sluice",
    },
    ledgerOwner: null,
    redis: { host: "127.0.0.1", port: 19095, user: "", password: "a@b" },
    cacheRedis: { host: "cache.test", port: 6379, user: "cache", password: "c" },
    simulator: null,
    kafka: { address: "127.0.0.1:19092", client: null, admin: null },
  });
  launcher?.release();
});

test("the accounts of Kafka and the registry are returned as the variables of a program too", () => {
  const dataDir = temporaryDir();
  const withKey = { ...state, accounts: true, external: ["registry"], demoKey: "sk-sluice-demo-a" };
  writeState(dataDir, withKey);
  accountsOf(dataDir, true, ["registry"]);
  const launcher = tryLock(join(dataDir, "lock"));
  const { kafka, registry, environment, unset } = readAccess(dataDir)!;
  launcher?.release();
  expect(kafka.admin).toEqual({ name: "sluice-admin", password: expect.any(String) });
  expect(kafka.client?.password).not.toBe(kafka.admin?.password);
  expect(registry).toMatchObject({ client: null, admin: null });
  expect(environment).toEqual({
    SLUICE_KAFKA_BROKERS: "127.0.0.1:19092",
    SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
    SLUICE_KAFKA_SASL_USERNAME: "sluice-client",
    SLUICE_KAFKA_SASL_PASSWORD: kafka.client?.password,
    SLUICE_REGISTRY_URL: "http://127.0.0.1:19094/apis/ccompat/v7",
    SLUICE_API_KEY: "sk-sluice-demo-a",
  });
  // The user's own registry keeps the user's account.
  expect(unset).toEqual(["SLUICE_BASE_URL", "SLUICE_TENANT"]);
});

test("a tenant with topics of its own has accounts of its own, and its programs bring their API key", () => {
  const dataDir = temporaryDir();
  const tenants = ["acme"];
  writeState(dataDir, { ...state, accounts: true, tenants, demoKey: "sk-sluice-demo-a" });
  accountsOf(dataDir, true, [], tenants);
  const launcher = tryLock(join(dataDir, "lock"));
  const access = readAccess(dataDir)!;
  launcher?.release();
  const [acme] = access.tenants;
  expect(access.tenants).toHaveLength(1);
  expect(acme).toMatchObject({
    tenant: "acme",
    kafka: { name: "sluice-tenant-acme", password: expect.any(String) },
    registry: { name: "sluice-tenant-acme", password: expect.any(String) },
    unset: ["SLUICE_BASE_URL"],
  });
  expect(acme?.environment).toMatchObject({
    SLUICE_TENANT: "acme",
    SLUICE_KAFKA_SASL_USERNAME: "sluice-tenant-acme",
    SLUICE_KAFKA_SASL_PASSWORD: acme?.kafka?.password,
    SLUICE_REGISTRY_USERNAME: "sluice-tenant-acme",
  });
  expect(acme?.environment).not.toHaveProperty("SLUICE_API_KEY");
  const passwords = [acme?.kafka, acme?.registry, access.kafka.client, access.kafka.admin];
  expect(new Set(passwords.map((account) => account?.password)).size).toBe(4);
});

test("an open stack without a demo key names the variables that its programs must not have", () => {
  const dataDir = temporaryDir();
  writeState(dataDir, { ...state, external: ["kafka"] });
  const launcher = tryLock(join(dataDir, "lock"));
  expect(readAccess(dataDir)?.unset).toEqual([
    "SLUICE_BASE_URL",
    "SLUICE_TENANT",
    "SLUICE_REGISTRY_USERNAME",
    "SLUICE_REGISTRY_PASSWORD",
    "SLUICE_API_KEY",
  ]);
  launcher?.release();
});

test("a stack that does not run has no accounts to print", () => {
  const dataDir = temporaryDir();
  expect(readAccess(dataDir)).toBeUndefined();
  writeState(dataDir, state);
  expect(readAccess(dataDir)).toBeUndefined();
});

test("a stack that was stopped has no connection, so that a process on its port receives no password", () => {
  const dataDir = temporaryDir();
  writeState(dataDir, { ...state, accounts: true });
  accountsOf(dataDir, true, []);
  expect(readConnection(dataDir)).toBeUndefined();
  const launcher = tryLock(join(dataDir, "lock"));
  expect(readConnection(dataDir)?.accounts.registry?.size).toBeGreaterThan(2);
  launcher?.release();
  expect(readConnection(dataDir)).toBeUndefined();
});

test("a command that reads the accounts generates no password", () => {
  const dataDir = temporaryDir();
  writeState(dataDir, { ...state, accounts: true, programs: { simulator: null } });
  const launcher = tryLock(join(dataDir, "lock"));
  expect(readConnection(dataDir)?.accounts.kafka?.size).toBe(0);
  expect(readAccess(dataDir)?.kafka).toMatchObject({ client: null, admin: null });
  launcher?.release();
  expect(existsSync(join(dataDir, "secrets"))).toBe(false);
});
