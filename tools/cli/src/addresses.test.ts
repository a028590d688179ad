import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { edgeAddress, topicsAddress } from "./addresses.ts";

/** Where no stack was ever started. */
const nowhere = mkdtempSync(join(tmpdir(), "sluice-cli-nowhere-"));
afterAll(() => rmSync(nowhere, { recursive: true }));

test("the command line comes before the environment", async () => {
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

test("a base URL as OpenAI's SDKs take it is understood too", async () => {
  const edge = await edgeAddress({ url: "http://edge:8080/v1/", key: "k" }, nowhere, {});
  expect(edge.url).toBe("http://edge:8080");
});

test("a foreign edge is not sent the demo key", async () => {
  const asked = edgeAddress({ url: "http://elsewhere" }, nowhere, {});
  await expect(asked).rejects.toThrow("Give a key for http://elsewhere");
});

test("an address that is none is named", async () => {
  const asked = edgeAddress({ url: "edge:8080", key: "k" }, nowhere, {});
  await expect(asked).rejects.toThrow('"edge:8080" is no address');
});

test("where no stack runs, the user is told to start one or to say where", async () => {
  await expect(edgeAddress({}, nowhere, {})).rejects.toThrow(/run "sluice up".*--url/);
  await expect(topicsAddress(nowhere, {})).rejects.toThrow(/run "sluice up".*SLUICE_KAFKA_BROKERS/);
});

test("topics are looked for where the environment says", async () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1, b:2",
    SLUICE_REGISTRY_URL: "http://registry",
    SLUICE_KAFKA_TOPIC_PREFIX: "team.",
  };
  expect(await topicsAddress(nowhere, environment)).toMatchObject({
    kafka: { brokers: ["a:1", "b:2"], topicPrefix: "team." },
    registryUrl: "http://registry",
  });
});

test("an account that lacks its password is named before anything is asked", async () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: "a:1",
    SLUICE_REGISTRY_URL: "http://registry",
    SLUICE_KAFKA_SASL_MECHANISM: "plain",
    SLUICE_KAFKA_SASL_USERNAME: "operator",
  };
  await expect(topicsAddress(nowhere, environment)).rejects.toThrow("SLUICE_KAFKA_SASL_PASSWORD");
});
