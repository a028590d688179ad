import type { ClientOptions } from "@sluice/client";

const {
  SLUICE_KAFKA_BROKERS: brokers = "127.0.0.1:19092",
  SLUICE_KAFKA_SASL_USERNAME: kafkaUser,
  SLUICE_KAFKA_SASL_PASSWORD: kafkaPassword = "",
  SLUICE_KAFKA_TOPIC_PREFIX: topicPrefix = "",
  SLUICE_REGISTRY_URL: registryUrl = "http://127.0.0.1:19094/apis/ccompat/v7",
  SLUICE_REGISTRY_USERNAME: registryUser,
  SLUICE_REGISTRY_PASSWORD: registryPassword = "",
  SLUICE_API_KEY: apiKey = "",
  SLUICE_TENANT: tenant,
} = process.env;

/** The addresses of the local stack, or those in the environment. The accounts are optional, as in the local stack. */
export const connection: ClientOptions = {
  brokers: brokers.split(","),
  registryUrl,
  topicPrefix,
  apiKey,
  // A tenant that has topics of its own reads these.
  ...(tenant && { tenant }),
  ...(kafkaUser && {
    sasl: { mechanism: "scram-sha-512", username: kafkaUser, password: kafkaPassword },
  }),
  ...(registryUser && {
    registryAccess: { basic: { username: registryUser, password: registryPassword } },
  }),
};
