import { expect, test } from "vitest";
import { provisioningOptionsOf } from "./environment.ts";

const addresses = { SLUICE_KAFKA_BROKERS: "a:1", SLUICE_REGISTRY_URL: "http://127.0.0.1:1" };

test("partitions, replication, prefix and account come from the environment, with the local stack's defaults", () => {
  expect(provisioningOptionsOf(addresses, "cli")).toEqual({
    kafka: { brokers: ["a:1"], topicPrefix: "", clientId: "sluice.cli" },
    registryUrl: "http://127.0.0.1:1",
    registryAccess: {},
    partitions: 4,
    replication: 1,
  });
  const given = {
    ...addresses,
    SLUICE_KAFKA_TOPIC_PREFIX: "eu.",
    SLUICE_KAFKA_PARTITIONS: "12",
    SLUICE_KAFKA_REPLICATION: "3",
    SLUICE_REGISTRY_TOKEN: "canary",
  };
  expect(provisioningOptionsOf(given, "cli")).toMatchObject({
    kafka: { topicPrefix: "eu." },
    registryAccess: { token: "canary" },
    partitions: 12,
    replication: 3,
  });
});

test("an invalid number of partitions or replicas is refused by its name", () => {
  const given = { ...addresses, SLUICE_KAFKA_PARTITIONS: "none", SLUICE_KAFKA_REPLICATION: "0" };
  expect(() => provisioningOptionsOf(given, "cli")).toThrow(
    /SLUICE_KAFKA_PARTITIONS: [^]*SLUICE_KAFKA_REPLICATION: /,
  );
});
