import { SluiceClient } from "@sluice/client";
import { connection } from "./connection.ts";

// Sends a request with a wrong signature. It becomes a dead letter and never gets an answer.
const keyId = connection.apiKey.split("-")[2] ?? "demo";
await using sluice = await SluiceClient.connect({
  ...connection,
  apiKey: `sk-sluice-${keyId}-0123456789abcdef`,
});
const requestId = await sluice.send({ messages: [{ role: "user", content: "Who am I?" }] });
console.log(`sent ${requestId} under a wrong key`);
