import { expect, test } from "vitest";
import { brokerReasonOf, type BrokerWork } from "./broker-trouble.ts";

const account = {
  sasl: { mechanism: "scram-sha-512", username: "classifier", password: "canary" },
} as const;
const read: BrokerWork = {
  kind: "read",
  topic: "eu.inference.missed",
  group: "eu.sluice.classifier",
};
const write: BrokerWork = { kind: "write", topics: ["eu.inference.classified"] };

/** An error as the client throws it: named, typed, and wrapped once the client has given up. */
function thrown(name: string, type?: string, message = "refused"): Error {
  const cause = Object.assign(new Error(message), { name, ...(type ? { type } : {}) });
  return new Error("Gave up.", { cause });
}

test("the reason for a wrong password names the user and the mechanism, and not the password", () => {
  const reason = brokerReasonOf(thrown("KafkaJSSASLAuthenticationError"), account, read);
  expect(reason).toBe(
    'the broker does not accept user "classifier" with its password (scram-sha-512)',
  );
  expect(reason).not.toContain("canary");
});

test("a mechanism that the broker does not offer is distinguished from a wrong password", () => {
  const error = thrown(
    "KafkaJSSASLAuthenticationError",
    undefined,
    "SASL SCRAM-SHA-512 mechanism is not supported by the server",
  );
  expect(brokerReasonOf(error, account, read)).toContain("does not offer scram-sha-512");
});

test.for([
  ["TOPIC_AUTHORIZATION_FAILED", read, "READ on topic eu.inference.missed"],
  ["TOPIC_AUTHORIZATION_FAILED", write, "WRITE on topic eu.inference.classified"],
  ["GROUP_AUTHORIZATION_FAILED", read, "READ on consumer group eu.sluice.classifier"],
  ["CLUSTER_AUTHORIZATION_FAILED", write, "WRITE on topic eu.inference.classified"],
  ["CLUSTER_AUTHORIZATION_FAILED", { kind: "manage" }, "CREATE, DESCRIBE or ALTER"],
] as const)("%s names the account, the right and what it is for", ([type, work, right]) => {
  const reason = brokerReasonOf(thrown("KafkaJSProtocolError", type), account, work);
  expect(reason).toContain(`user "classifier" lacks a right on Kafka: ${right}`);
});

test("a group without a coordinator may be one that the account must not use", () => {
  const reason = brokerReasonOf(thrown("KafkaJSGroupCoordinatorNotFound"), account, read);
  expect(reason).toContain("consumer group eu.sluice.classifier");
});

test("trouble with the connection is reported as such, and all other errors in the client's words", () => {
  expect(brokerReasonOf(thrown("x", undefined, "wrong version number"), {}, read)).toContain("TLS");
  expect(brokerReasonOf(new Error("Something new"), {}, read)).toBe("Something new");
  expect(brokerReasonOf("no error", {}, read)).toBe("no error");
});
