import { z } from "zod";
import { pemKey, secret } from "./keys.ts";

/** Where Kafka is, and who we are to it. */
export const kafkaKeys = {
  SLUICE_KAFKA_BROKERS: z
    .string()
    .min(1)
    .transform((text) => text.split(",").map((broker) => broker.trim()))
    .describe("Addresses of Kafka brokers, host:port, separated by commas."),
  SLUICE_KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[\w.-]*$/, "letters, digits, dots, dashes and underscores only")
    .default("")
    .describe("Put before the name of every topic and consumer group."),
  SLUICE_KAFKA_SASL_MECHANISM: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"])
    .optional()
    .describe("How we prove to Kafka who we are; without it we are anonymous."),
  SLUICE_KAFKA_SASL_USERNAME: z.string().optional().describe("Our account on Kafka."),
  SLUICE_KAFKA_SASL_PASSWORD: secret(z.string().optional(), "Its password."),
  SLUICE_KAFKA_TLS: z
    .enum(["true", "false"])
    .default("false")
    .describe("Whether the brokers speak TLS; their names and chain are always verified."),
  SLUICE_KAFKA_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs the brokers' certificates; without it those that Node trusts.",
  ),
  SLUICE_KAFKA_TLS_CERT_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of our own certificate, where the brokers ask for one.",
  ),
  SLUICE_KAFKA_TLS_KEY_FILE: pemKey("PRIVATE KEY", "PEM file of its key, not encrypted."),
  SLUICE_KAFKA_TLS_SERVER_NAME: z
    .string()
    .optional()
    .describe("Name that the brokers' certificates bear, where it is not that of their addresses."),
};

/** Where the schema registry is, and who we are to it. */
export const registryKeys = {
  SLUICE_REGISTRY_URL: z
    .url({ protocol: /^https?$/, error: "is no http:// or https:// address" })
    .refine((url) => URL.parse(url)?.username === "" && URL.parse(url)?.password === "", {
      error: "holds a user: give it in SLUICE_REGISTRY_USERNAME and SLUICE_REGISTRY_PASSWORD",
    })
    .describe("Address of the schema registry (Confluent's API)."),
  SLUICE_REGISTRY_USERNAME: z
    .string()
    .optional()
    .describe("Our account on the schema registry, where it asks for basic authentication."),
  SLUICE_REGISTRY_PASSWORD: secret(z.string().optional(), "Its password."),
  SLUICE_REGISTRY_TOKEN: secret(
    z.string().optional(),
    "Bearer token for the schema registry, in place of user and password.",
  ),
  SLUICE_REGISTRY_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs the registry's certificate; without it those that Node trusts.",
  ),
};

const redisUrl = z.url({
  protocol: /^rediss?$/,
  error: "is no redis:// or rediss:// address",
});

export const stateKeys = {
  SLUICE_REDIS_URL: secret(
    redisUrl,
    "Redis for requests, attempts and outcomes, redis[s]://user:password@host:port/database: no eviction, append-only file.",
  ),
  SLUICE_REDIS_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs its certificate; without it those that Node trusts.",
  ),
};

export const cacheKeys = {
  SLUICE_CACHE_REDIS_URL: secret(redisUrl, "Redis for the response cache; may evict."),
  SLUICE_CACHE_REDIS_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs its certificate; without it those that Node trusts.",
  ),
};
