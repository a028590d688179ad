import { z } from "zod";
import { logLevels } from "@sluice/telemetry";

/** Several services read these; each names those it reads in a schema of its own. */
export const platformKeys = {
  SLUICE_LOG_LEVEL: z
    .enum(logLevels)
    .default("info")
    .describe("Least important log line that is written."),
  SLUICE_ADMIN_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("Address of the admin port: health, readiness, metrics."),
  SLUICE_ADMIN_PORT: portKey(0, "Admin port; 0 lets the system choose."),
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
  SLUICE_REGISTRY_URL: z.url().describe("Address of the schema registry (Confluent's API)."),
};

export const stateKeys = {
  SLUICE_REDIS_URL: z
    .url()
    .describe("Redis for requests, attempts and outcomes: no eviction, append-only file."),
};

export const cacheKeys = {
  SLUICE_CACHE_REDIS_URL: z.url().describe("Redis for the response cache; may evict."),
};

export const declarationKeys = {
  SLUICE_CONFIG: z
    .string()
    .min(1)
    .describe("Path of sluice.yaml: tenants, keys, providers, models, prices."),
};

/** A port number from the environment. */
export function portKey(preset: number, description: string): z.ZodDefault<z.ZodCoercedNumber> {
  return z.coerce.number().int().min(0).max(65_535).default(preset).describe(description);
}

/** A whole number from the environment. */
export function countKey(
  preset: number,
  range: { readonly min: number; readonly max: number },
  description: string,
): z.ZodDefault<z.ZodCoercedNumber> {
  const { min, max } = range;
  return z.coerce.number().int().min(min).max(max).default(preset).describe(description);
}

/** All that is wrong with a service's environment, at once. */
export class ConfigurationError extends Error {}

/** @throws ConfigurationError naming every key that is missing or wrong, with what it is for. */
export function parseConfig<S extends z.ZodObject>(
  schema: S,
  environment: NodeJS.ProcessEnv,
): z.output<S> {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => {
    const key = path.join(".");
    const purpose = schema.shape[key]?.meta()?.description;
    return `  ${key}: ${message}${purpose ? ` — ${purpose}` : ""}`;
  });
  throw new ConfigurationError(`The environment is not complete:\n${lines.join("\n")}`);
}
