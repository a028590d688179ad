import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { platformKeys } from "./config.ts";
import { stateKeys } from "./connection-keys.ts";
import { kafkaConnectionOf, registryAccessOf } from "./connections.ts";
import { countKey } from "./keys.ts";
import { parseConfig } from "./parse-config.ts";

const schema = z.object({
  ...platformKeys,
  SLUICE_LIMIT: countKey(5, { min: 1, max: 10 }, "How many."),
});
const complete = { SLUICE_KAFKA_BROKERS: "a:1, b:2", SLUICE_REGISTRY_URL: "http://127.0.0.1:1" };
const account = {
  SLUICE_KAFKA_SASL_MECHANISM: "scram-sha-512",
  SLUICE_KAFKA_SASL_USERNAME: "ingress",
  SLUICE_KAFKA_SASL_PASSWORD: "canary-secret",
};

const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("defaults apply, lists are split, and what is empty is absent", () => {
  expect(parseConfig(schema, { ...complete, SLUICE_LIMIT: "" })).toMatchObject({
    SLUICE_KAFKA_BROKERS: ["a:1", "b:2"],
    SLUICE_LIMIT: 5,
    SLUICE_LOG_LEVEL: "info",
  });
});

test("all errors are reported together, by key and purpose", () => {
  expect(() => parseConfig(schema, { SLUICE_LIMIT: "eleven" })).toThrow(
    /SLUICE_KAFKA_BROKERS: .*\n.*SLUICE_REGISTRY_URL: .*\n.*SLUICE_LIMIT: .*How many\./,
  );
});

test("an account on Kafka and on the registry reaches its client, and none is invented", () => {
  const anonymous = parseConfig(schema, complete);
  expect(kafkaConnectionOf(anonymous, "ingress")).toEqual({
    brokers: ["a:1", "b:2"],
    topicPrefix: "",
    clientId: "sluice.ingress",
  });
  expect(registryAccessOf(anonymous)).toEqual({});
  const known = parseConfig(schema, {
    ...complete,
    ...account,
    SLUICE_KAFKA_TLS: "true",
    SLUICE_KAFKA_TLS_SERVER_NAME: "kafka.internal",
    SLUICE_REGISTRY_TOKEN: "canary-token",
  });
  expect(kafkaConnectionOf(known, "ingress")).toMatchObject({
    sasl: { mechanism: "scram-sha-512", username: "ingress", password: "canary-secret" },
    tls: { servername: "kafka.internal" },
  });
  expect(registryAccessOf(known)).toEqual({ token: "canary-token" });
});

test.for([
  ["SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD"],
  ["SASL_USERNAME", "SASL_PASSWORD", "SASL_MECHANISM"],
  ["SASL_PASSWORD", "SASL_MECHANISM", "SASL_USERNAME"],
])("of an account on Kafka without %s that is said, and no value", ([left = ""]) => {
  const rest = { ...complete, ...account, [`SLUICE_KAFKA_${left}`]: "" };
  const parse = (): unknown => parseConfig(schema, rest);
  expect(parse).toThrow(
    new RegExp(`SLUICE_KAFKA_${left}: is missing beside .*all of them, or none`),
  );
  expect(parse).not.toThrow("canary");
});

test("TLS settings without TLS, two ways of proving oneself, and half a key pair are refused at once", () => {
  const wrong = {
    ...complete,
    SLUICE_KAFKA_TLS_CERT_FILE: fileOf("cert.pem", "-----BEGIN CERTIFICATE-----"),
    SLUICE_KAFKA_TLS_SERVER_NAME: "kafka.internal",
    SLUICE_REGISTRY_TLS_CA_FILE: fileOf("ca.pem", "-----BEGIN CERTIFICATE-----"),
    SLUICE_REGISTRY_USERNAME: "ingress",
    SLUICE_REGISTRY_PASSWORD: "canary-secret",
    SLUICE_REGISTRY_TOKEN: "canary-token",
  };
  expect(() => parseConfig(schema, wrong)).toThrow(
    /TLS_KEY_FILE: is missing[^]*CERT_FILE: has no effect unless SLUICE_KAFKA_TLS is true[^]*SERVER_NAME: has no effect[^]*REGISTRY_TLS_CA_FILE: has no effect unless SLUICE_REGISTRY_URL is an https[^]*REGISTRY_TOKEN: stands beside/,
  );
  expect(() => parseConfig(schema, wrong)).not.toThrow("canary");
});

test("files are judged before anything connects: absent, of another kind, encrypted, not of one pair", () => {
  const keyOf = (): string =>
    generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    }).privateKey;
  const wrongs: Readonly<Record<string, [string, string]>> = {
    "cannot be read (ENOENT)": ["CA_FILE", join(folder, "nowhere.pem")],
    "holds no PEM CERTIFICATE": ["CA_FILE", fileOf("key.pem", keyOf())],
    "is encrypted": ["KEY_FILE", fileOf("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----")],
  };
  const withTls = { ...complete, SLUICE_KAFKA_TLS: "true" };
  for (const [reason, [key, path]] of Object.entries(wrongs))
    expect(() => parseConfig(schema, { ...withTls, [`SLUICE_KAFKA_TLS_${key}`]: path })).toThrow(
      reason,
    );
  const pair = {
    SLUICE_KAFKA_TLS_CERT_FILE: fileOf("odd.pem", "-----BEGIN CERTIFICATE-----\nAA==\n"),
    SLUICE_KAFKA_TLS_KEY_FILE: fileOf("odd-key.pem", keyOf()),
  };
  expect(() => parseConfig(schema, { ...withTls, ...pair })).toThrow("is not the key of");
});

test("a secret may stand in a file, whose last line end is not part of it; a setting may not", () => {
  const withState = z.object({ ...platformKeys, ...stateKeys });
  const { SLUICE_KAFKA_SASL_PASSWORD: _, ...halfAccount } = account;
  const environment = {
    ...complete,
    ...halfAccount,
    SLUICE_KAFKA_SASL_PASSWORD_FILE: fileOf("password", "canary-secret \n"),
    SLUICE_REDIS_URL_FILE: fileOf("redis-url", "redis://user:canary@127.0.0.1:1/2"),
  };
  expect(parseConfig(withState, environment)).toMatchObject({
    SLUICE_KAFKA_SASL_PASSWORD: "canary-secret ",
    SLUICE_REDIS_URL: "redis://user:canary@127.0.0.1:1/2",
  });
  const brokers = { SLUICE_KAFKA_BROKERS_FILE: fileOf("brokers", "a:1") };
  expect(() => parseConfig(schema, brokers)).toThrow("SLUICE_KAFKA_BROKERS: Invalid input");
});

test("a secret given twice, or in a file that is not there, is refused by its name", () => {
  const twice = { ...complete, ...account, SLUICE_KAFKA_SASL_PASSWORD_FILE: "anything" };
  expect(() => parseConfig(schema, twice)).toThrow(
    "SLUICE_KAFKA_SASL_PASSWORD: stands beside SLUICE_KAFKA_SASL_PASSWORD_FILE",
  );
  const absent = { ...complete, SLUICE_REGISTRY_TOKEN_FILE: join(folder, "nowhere") };
  expect(() => parseConfig(schema, absent)).toThrow(
    /SLUICE_REGISTRY_TOKEN: .*nowhere cannot be read \(ENOENT\)/,
  );
});

test("addresses of another kind, and a registry's with its user inside, are refused without being shown", () => {
  const withState = z.object({ ...platformKeys, ...stateKeys });
  const parse = (): unknown =>
    parseConfig(withState, {
      ...complete,
      SLUICE_REGISTRY_URL: "https://user:canary@registry",
      SLUICE_REDIS_URL: "http://user:canary@redis",
    });
  expect(parse).toThrow(/REGISTRY_URL: holds a user[^]*REDIS_URL: is no redis:/);
  expect(parse).not.toThrow("canary");
});
