import { z } from "zod";
import { pemKey, secret } from "./keys.ts";

/** Keys for the address of Kafka and our account on it. */
export const kafkaKeys = {
  SLUICE_KAFKA_BROKERS: z
    .string()
    .min(1)
    .transform((text) => text.split(",").map((broker) => broker.trim()))
    .refine((brokers) => brokers.every((broker) => /^[^\s/@?#]+:\d+$/.test(broker)), {
      error:
        "has an entry that is not host:port: write it without a scheme, and set SLUICE_KAFKA_SASL_USERNAME and SLUICE_KAFKA_SASL_PASSWORD for an account",
    })
    .describe("Addresses of the Kafka brokers, as host:port, separated by commas."),
  SLUICE_KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[\w.-]*$/, "may contain only letters, digits, dots, dashes and underscores")
    .default("")
    .describe("Prefix of the name of every topic and consumer group."),
  SLUICE_KAFKA_SASL_MECHANISM: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"])
    .optional()
    .describe("How the process authenticates to Kafka; without it, it connects anonymously."),
  SLUICE_KAFKA_SASL_USERNAME: z.string().optional().describe("The account on Kafka."),
  SLUICE_KAFKA_SASL_PASSWORD: secret(z.string().optional(), "The password of the Kafka account."),
  SLUICE_KAFKA_TLS: z
    .enum(["true", "false"])
    .default("false")
    .describe(
      "Whether to connect to the brokers with TLS; their names and certificate chains are always verified.",
    ),
  SLUICE_KAFKA_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs the brokers' certificates; without it, the CAs that Node trusts.",
  ),
  SLUICE_KAFKA_TLS_CERT_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the client certificate, if the brokers require one.",
  ),
  SLUICE_KAFKA_TLS_KEY_FILE: pemKey(
    "PRIVATE KEY",
    "PEM file of the client certificate's key, not encrypted.",
  ),
  SLUICE_KAFKA_TLS_SERVER_NAME: z
    .string()
    .optional()
    .describe("The name in the brokers' certificates, if it differs from their addresses."),
};

/** Keys for the address of the schema registry and our account on it. */
export const registryKeys = {
  SLUICE_REGISTRY_URL: z
    .url({ protocol: /^https?$/, error: "is not an http:// or https:// address" })
    .refine((url) => URL.parse(url)?.username === "" && URL.parse(url)?.password === "", {
      error: "contains a user: set SLUICE_REGISTRY_USERNAME and SLUICE_REGISTRY_PASSWORD instead",
    })
    .refine((url) => !/[?#]/.test(url), {
      error: "contains a query or a fragment, behind which no path can be added: remove it",
    })
    .describe("Address of the schema registry (Confluent's API)."),
  SLUICE_REGISTRY_ALLOW_PLAIN_HTTP: z
    .enum(["true", "false"])
    .default("false")
    .describe(
      "Whether the schema registry may have an http:// address on another machine. Its answers and the account are then readable and changeable on the network between them.",
    ),
  SLUICE_REGISTRY_USERNAME: z
    .string()
    .optional()
    .describe("The account on the schema registry, if it requires basic authentication."),
  SLUICE_REGISTRY_PASSWORD: secret(z.string().optional(), "The password of the registry account."),
  SLUICE_REGISTRY_TOKEN: secret(
    z.string().optional(),
    "Bearer token for the schema registry, instead of a user and password.",
  ),
  SLUICE_REGISTRY_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs the registry's certificate; without it, the CAs that Node trusts.",
  ),
};

/** The key for the costs of all tenants, for the accountant and for the programs that ask it. */
export const costsKeys = {
  SLUICE_COSTS_TOKEN: secret(
    z
      .string()
      .regex(/^[\x21-\x7e]{16,}$/, {
        error:
          'has fewer than 16 characters, or others than visible ASCII: generate one, for example with "openssl rand -hex 24"',
      })
      .optional(),
    "Bearer token that GET /costs requires. It is required unless SLUICE_ADMIN_HOST is on loopback.",
  ),
};

const redisUrl = z.url({
  protocol: /^rediss?$/,
  error: "is not a redis:// or rediss:// address",
});

export const stateKeys = {
  SLUICE_REDIS_URL: secret(
    redisUrl,
    "Redis for requests, attempts and outcomes, as redis[s]://user:password@host:port/database. It must not evict keys, and needs an append-only file.",
  ),
  SLUICE_REDIS_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs this Redis server's certificate; without it, the CAs that Node trusts.",
  ),
};

export const cacheKeys = {
  SLUICE_CACHE_REDIS_URL: secret(redisUrl, "Redis for the response cache; it may evict keys."),
  SLUICE_CACHE_REDIS_TLS_CA_FILE: pemKey(
    "CERTIFICATE",
    "PEM file of the CA that signs this Redis server's certificate; without it, the CAs that Node trusts.",
  ),
};

/** A shorter secret of a signature could be found by trying. */
export const secretLengthMin = 32;
const lengthError = `must have at least ${secretLengthMin} characters`;

export const replayKeys = {
  SLUICE_REPLAY_SECRET: secret(
    z.string().min(secretLengthMin, lengthError).optional(),
    "Signs the messages on inference.requested that an operator replays with `sluice dead-letters replay`. Ingress and the command line need the same. Without it, ingress accepts replays within 5 minutes of their first signature only.",
  ),
};

/** Of ingress, which signs, and of the cost accountant, which verifies. */
export const attributionKeys = {
  SLUICE_ATTRIBUTION_SECRET: secret(
    z.string().min(secretLengthMin, lengthError),
    "Signs who pays for a request. Ingress and the cost accountant need the same, and no other program may have it. Generate one, for example with `openssl rand -hex 32`.",
  ),
};
