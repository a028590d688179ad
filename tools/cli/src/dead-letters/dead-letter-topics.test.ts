import { TransientFault } from "@sluice/domain";
import { expect, test } from "vitest";
import { withDeadLetterTopics } from "./dead-letter-topics.ts";

const address = {
  kafka: { brokers: ["kafka.test:9092"], topicPrefix: "", clientId: "suite" },
  registryUrl: "http://registry.test",
  registryAccess: {},
};

function failWith(error: Error): Promise<unknown> {
  return withDeadLetterTopics(address, async () => {
    throw error;
  });
}

test("an outage of the broker is reported with its address, the cause and the code", async () => {
  const outage = new TransientFault("STAGE_BROKER_UNAVAILABLE", "nothing listens there");
  await expect(failWith(outage)).rejects.toMatchObject({
    code: "STAGE_BROKER_UNAVAILABLE",
    message: "Kafka at kafka.test:9092 cannot be used: nothing listens there.",
    cause: outage,
  });
});

test("any other error is passed on unchanged", async () => {
  const registry = new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", "no answer");
  await expect(failWith(registry)).rejects.toBe(registry);
});
