import { logLevels } from "@sluice/telemetry";
import { z } from "zod";
import { kafkaKeys, registryKeys } from "./connection-keys.ts";
import { portKey } from "./keys.ts";

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
  ...kafkaKeys,
  ...registryKeys,
};

export const declarationKeys = {
  SLUICE_CONFIG: z
    .string()
    .min(1)
    .describe("Path of sluice.yaml: tenants, keys, providers, models, prices."),
};
