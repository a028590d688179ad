import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { edgeAddress, topicsAddress } from "./addresses.ts";

/** A state directory in which no stack was ever started. */
const nowhere = mkdtempSync(join(tmpdir(), "sluice-cli-nowhere-"));
afterAll(() => rmSync(nowhere, { recursive: true }));

test("an address and key from the command line take precedence over the environment", async () => {
  const environment = { SLUICE_URL: "https://other", SLUICE_API_KEY: "sk-sluice-other-1" };
  const given = { url: "https://edge.example/", key: "sk-sluice-mine-1" };
  expect(await edgeAddress(given, nowhere, environment)).toEqual({
    url: "https://edge.example",
    key: "sk-sluice-mine-1",
  });
  expect(await edgeAddress({}, nowhere, environment)).toEqual({
    url: "https://other",
    key: "sk-sluice-other-1",
  });
});

test("a base URL in the form that OpenAI's SDKs use, with /v1, is accepted", async () => {
  const edge = await edgeAddress({ url: "https://edge:8080/v1/", key: "k" }, nowhere, {});
  expect(edge.url).toBe("https://edge:8080");
});

test("the demo key is not sent to an edge that is not the local stack's", async () => {
  const edge = edgeAddress({ url: "https://elsewhere" }, nowhere, {});
  await expect(edge).rejects.toThrow("There is no API key for https://elsewhere");
});

test("plain http is accepted to this machine, and to another one only if the operator allows it", async () => {
  const urlOf = async (url: string, environment: NodeJS.ProcessEnv = {}) =>
    (await edgeAddress({ url, key: "k" }, nowhere, environment)).url;
  for (const url of ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
    expect(await urlOf(url)).toBe(url);
  const refusal = /^--url is plain http.*SLUICE_URL_ALLOW_PLAIN_HTTP=true/;
  await expect(urlOf("http://edge:8080")).rejects.toThrow(refusal);
  const allowed = { SLUICE_URL_ALLOW_PLAIN_HTTP: "true" };
  expect(await urlOf("http://edge:8080/v1", allowed)).toBe("http://edge:8080");
  const misspelt = { SLUICE_URL_ALLOW_PLAIN_HTTP: "yes" };
  await expect(urlOf("https://edge", misspelt)).rejects.toThrow("SLUICE_URL_ALLOW_PLAIN_HTTP");
});

test.each([
  ["edge:8080", "is not an http:// or https:// address"],
  ["ftp://edge", "is not an http:// or https:// address"],
  ["https://ann:hunter2@edge", "contains a user or a password: remove them"],
  ["https://hunter2@edge/v1", "contains a user or a password: remove them"],
  ["http://ann:hunter2@127.0.0.1:8080", "contains a user or a password: remove them"],
  ["https://edge/v1?key=hunter2", "contains a query or a fragment"],
])("the address %s is refused by name and without its text", async (address, problem) => {
  const environment = { SLUICE_URL: address, SLUICE_API_KEY: "k" };
  const allowed = { ...environment, SLUICE_URL_ALLOW_PLAIN_HTTP: "true" };
  for (const given of [environment, allowed]) {
    const refused = edgeAddress({}, nowhere, given).catch((error: unknown) => String(error));
    expect(await refused).toContain(`SLUICE_URL ${problem}`);
    expect(await refused).not.toContain(address);
    expect(await refused).not.toContain("hunter2");
  }
});

test("if no stack is running, the message says how to start one or how to give another address", async () => {
  await expect(edgeAddress({}, nowhere, {})).rejects.toThrow(/Run "sluice up".*--url/);
  expect(() => topicsAddress(nowhere, {})).toThrow(/Run "sluice up".*SLUICE_KAFKA_BROKERS/);
});

test("Kafka and the registry are taken from the environment", () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1, b:2",
    SLUICE_REGISTRY_URL: "https://registry",
    SLUICE_KAFKA_TOPIC_PREFIX: "team.",
  };
  expect(topicsAddress(nowhere, environment)).toMatchObject({
    kafka: { brokers: ["a:1", "b:2"], topicPrefix: "team." },
    registryUrl: "https://registry",
  });
});

test("an account without a password is reported before any connection is made", () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1",
    SLUICE_REGISTRY_URL: "https://registry",
    SLUICE_KAFKA_SASL_MECHANISM: "plain",
    SLUICE_KAFKA_SASL_USERNAME: "operator",
  };
  expect(() => topicsAddress(nowhere, environment)).toThrow("SLUICE_KAFKA_SASL_PASSWORD");
});
