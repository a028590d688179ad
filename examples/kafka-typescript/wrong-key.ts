import { SluiceClient } from "@sluice/client";

// Sends a request with a wrong signature. It becomes a dead letter and never gets an answer.
const keyId = (process.env["SLUICE_API_KEY"] ?? "sk-sluice-demo-").split("-")[2];
await using sluice = await SluiceClient.connect({
  brokers: (process.env["SLUICE_KAFKA_BROKERS"] ?? "127.0.0.1:19092").split(","),
  registryUrl: process.env["SLUICE_REGISTRY_URL"] ?? "http://127.0.0.1:19094/apis/ccompat/v7",
  topicPrefix: process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "",
  apiKey: `sk-sluice-${keyId}-0123456789abcdef`,
});
const requestId = await sluice.send({ messages: [{ role: "user", content: "Who am I?" }] });
console.log(`sent ${requestId} under a wrong key`);
