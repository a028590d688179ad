import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { edgeAddress, topicsAddress } from "./addresses.ts";

/** A state directory in which no stack was ever started. */
const nowhere = mkdtempSync(join(tmpdir(), "sluice-cli-nowhere-"));
afterAll(() => rmSync(nowhere, { recursive: true }));

test("an address and key from the command line take precedence over the environment", async () => {
  const environment = { SLUICE_URL: "http://other", SLUICE_API_KEY: "sk-sluice-other-1" };
  const given = { url: "https://edge.example/", key: "sk-sluice-mine-1" };
  expect(await edgeAddress(given, nowhere, environment)).toEqual({
    url: "https://edge.example",
    key: "sk-sluice-mine-1",
  });
  expect(await edgeAddress({}, nowhere, environment)).toEqual({
    url: "http://other",
    key: "sk-sluice-other-1",
  });
});

test("a base URL in the form that OpenAI's SDKs use, with /v1, is accepted", async () => {
  const edge = await edgeAddress({ url: "http://edge:8080/v1/", key: "k" }, nowhere, {});
  expect(edge.url).toBe("http://edge:8080");
});

test("the demo key is not sent to an edge that is not the local stack's", async () => {
  const edge = edgeAddress({ url: "http://elsewhere" }, nowhere, {});
  await expect(edge).rejects.toThrow("There is no API key for http://elsewhere");
});

test("an invalid address is refused, and the message names it", async () => {
  const edge = edgeAddress({ url: "edge:8080", key: "k" }, nowhere, {});
  await expect(edge).rejects.toThrow('"edge:8080" is not an HTTP address');
});

test("if no stack is running, the message says how to start one or how to give another address", async () => {
  await expect(edgeAddress({}, nowhere, {})).rejects.toThrow(/Run "sluice up".*--url/);
  await expect(topicsAddress(nowhere, {})).rejects.toThrow(/Run "sluice up".*SLUICE_KAFKA_BROKERS/);
});

test("Kafka and the registry are taken from the environment", async () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1, b:2",
    SLUICE_REGISTRY_URL: "https://registry",
    SLUICE_KAFKA_TOPIC_PREFIX: "team.",
  };
  expect(await topicsAddress(nowhere, environment)).toMatchObject({
    kafka: { brokers: ["a:1", "b:2"], topicPrefix: "team." },
    registryUrl: "https://registry",
  });
});

test("an account without a password is reported before any connection is made", async () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1",
    SLUICE_REGISTRY_URL: "https://registry",
    SLUICE_KAFKA_SASL_MECHANISM: "plain",
    SLUICE_KAFKA_SASL_USERNAME: "operator",
  };
  await expect(topicsAddress(nowhere, environment)).rejects.toThrow("SLUICE_KAFKA_SASL_PASSWORD");
});
