import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { SluiceClient } from "@sluice/client";

/** After this many milliseconds without a charge, all existing charges have been read. */
const quietMs = 5_000;

const environment = process.env;
const {
  SLUICE_KAFKA_SASL_USERNAME: kafkaUser,
  SLUICE_KAFKA_SASL_PASSWORD: kafkaPassword = "",
  SLUICE_REGISTRY_USERNAME: registryUser,
  SLUICE_REGISTRY_PASSWORD: registryPassword = "",
} = environment;
const path = process.argv[2] ?? "charges.ndjson";
await using sluice = await SluiceClient.connect({
  brokers: (environment["SLUICE_KAFKA_BROKERS"] ?? "127.0.0.1:19092").split(","),
  registryUrl: environment["SLUICE_REGISTRY_URL"] ?? "http://127.0.0.1:19094/apis/ccompat/v7",
  topicPrefix: environment["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "",
  apiKey: environment["SLUICE_API_KEY"] ?? "",
  // A local stack without --accounts has no accounts.
  ...(kafkaUser && {
    sasl: { mechanism: "scram-sha-512", username: kafkaUser, password: kafkaPassword },
  }),
  ...(registryUser && {
    registryAccess: { basic: { username: registryUser, password: registryPassword } },
  }),
});

// The consumer group stores how far it has read, so the next run appends only newer charges.
const quiet = new AbortController();
const timer = setTimeout(() => quiet.abort(), quietMs);
const file = createWriteStream(path, { flags: "a" });
let charges = 0;
for await (const charge of sluice.costs({ group: "analytics", signal: quiet.signal })) {
  timer.refresh();
  charges += 1;
  file.write(`${JSON.stringify(charge, decimalOfLong)}\n`);
}
file.end();
await finished(file);
console.log(`${charges} charges appended to ${path}`);

/** Writes 64-bit integers as decimal strings, because JSON numbers cannot represent them exactly. */
function decimalOfLong(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
