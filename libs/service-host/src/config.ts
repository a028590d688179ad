import { logLevels } from "@sluice/telemetry";
import { z } from "zod";
import { kafkaKeys, registryKeys } from "./connection-keys.ts";
import { portKey } from "./keys.ts";

/** Keys that every service reads. */
export const platformKeys = {
  SLUICE_LOG_LEVEL: z
    .enum(logLevels)
    .default("info")
    .describe("The lowest level of log lines that is written."),
  SLUICE_ADMIN_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("Address of the admin port, which serves health, readiness and metrics."),
  SLUICE_ADMIN_PORT: portKey(0, "The admin port; 0 lets the system choose one."),
  SLUICE_ADMIN_NAMES: z
    .string()
    .default("")
    .describe(
      "Host names under which the admin port may be asked, separated by commas. Its addresses and localhost always work; other names are refused with 421.",
    ),
  ...kafkaKeys,
  ...registryKeys,
};

export const declarationKeys = {
  SLUICE_CONFIG: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Path of a sluice.yaml that the service reads once at start. If absent, the service follows the control topics, to which `sluice apply` publishes.",
    ),
};
