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

test("an empty value counts as absent, a default applies then, and a list is split at its commas", () => {
  expect(parseConfig(schema, { ...complete, SLUICE_LIMIT: "" })).toMatchObject({
    SLUICE_KAFKA_BROKERS: ["a:1", "b:2"],
    SLUICE_LIMIT: 5,
    SLUICE_LOG_LEVEL: "info",
  });
});

test("all errors are reported together, each with its key and purpose", () => {
  expect(() => parseConfig(schema, { SLUICE_LIMIT: "eleven" })).toThrow(
    /SLUICE_KAFKA_BROKERS: .*\n.*SLUICE_REGISTRY_URL: .*\n.*SLUICE_LIMIT: .*How many\./,
  );
});

test("the accounts on Kafka and the registry reach their clients, and without an account none is sent", () => {
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
])("an account on Kafka without %s is refused without showing a value", ([left = ""]) => {
  const rest = { ...complete, ...account, [`SLUICE_KAFKA_${left}`]: "" };
  const parse = (): unknown => parseConfig(schema, rest);
  expect(parse).toThrow(
    new RegExp(`SLUICE_KAFKA_${left}: is missing, but .* are set: set all of them, or none`),
  );
  expect(parse).not.toThrow("canary");
});

test("TLS settings without TLS, two registry credentials and half a key pair are refused together", () => {
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
    /TLS_KEY_FILE: is missing[^]*CERT_FILE: has no effect unless SLUICE_KAFKA_TLS is true[^]*SERVER_NAME: has no effect[^]*REGISTRY_TLS_CA_FILE: has no effect unless SLUICE_REGISTRY_URL is an https[^]*REGISTRY_TOKEN: is set together with/,
  );
  expect(() => parseConfig(schema, wrong)).not.toThrow("canary");
});

test("a PEM file that is absent, of another kind, encrypted or not of one pair is refused before anything connects", () => {
  const keyOf = (): string =>
    generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    }).privateKey;
  const wrongs: Readonly<Record<string, [string, string]>> = {
    "cannot be read (ENOENT)": ["CA_FILE", join(folder, "nowhere.pem")],
    "does not contain a PEM CERTIFICATE": ["CA_FILE", fileOf("key.pem", keyOf())],
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

test("a secret is read from a file without its last line end, and other keys are not read from files", () => {
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

test("a secret that is given twice, or in a file that does not exist, is refused by its name", () => {
  const twice = { ...complete, ...account, SLUICE_KAFKA_SASL_PASSWORD_FILE: "anything" };
  expect(() => parseConfig(schema, twice)).toThrow(
    "SLUICE_KAFKA_SASL_PASSWORD: is set together with SLUICE_KAFKA_SASL_PASSWORD_FILE",
  );
  const absent = { ...complete, SLUICE_REGISTRY_TOKEN_FILE: join(folder, "nowhere") };
  expect(() => parseConfig(schema, absent)).toThrow(
    /SLUICE_REGISTRY_TOKEN: .*nowhere cannot be read \(ENOENT\)/,
  );
});

test("an address of another kind, or a registry address with a user, is refused without being shown", () => {
  const withState = z.object({ ...platformKeys, ...stateKeys });
  const parse = (): unknown =>
    parseConfig(withState, {
      ...complete,
      SLUICE_REGISTRY_URL: "https://user:canary@registry",
      SLUICE_REDIS_URL: "http://user:canary@redis",
    });
  expect(parse).toThrow(/REGISTRY_URL: contains a user[^]*REDIS_URL: is not a redis:/);
  expect(parse).not.toThrow("canary");
});

test("a registry on another machine needs HTTPS, or the declaration that plain HTTP is meant", () => {
  const environment = { ...complete, SLUICE_REGISTRY_URL: "http://registry:8080/apis" };
  expect(() => parseConfig(schema, environment)).toThrow(
    /SLUICE_REGISTRY_URL: is plain http.*SLUICE_REGISTRY_ALLOW_PLAIN_HTTP=true/,
  );
  const declared = { ...environment, SLUICE_REGISTRY_ALLOW_PLAIN_HTTP: "true" };
  expect(parseConfig(schema, declared).SLUICE_REGISTRY_URL).toBe("http://registry:8080/apis");
});

test.each(["https://registry/?token=canary", "https://registry/#canary"])(
  "the registry address %s is refused once, without being shown",
  (address) => {
    const parse = () => parseConfig(schema, { ...complete, SLUICE_REGISTRY_URL: address });
    expect(parse).toThrow(/REGISTRY_URL: contains a query or a fragment/);
    expect(parse).not.toThrow(/canary|plain http/);
  },
);

test.each(["user:canary@kafka:9092", "kafka://kafka:9092", "a:1,canary", "a:1,"])(
  "the broker addresses %s are refused without being shown",
  (brokers) => {
    const parse = () => parseConfig(schema, { ...complete, SLUICE_KAFKA_BROKERS: brokers });
    expect(parse).toThrow(/KAFKA_BROKERS: has an entry that is not host:port.*SASL/);
    expect(parse).not.toThrow("canary");
  },
);
