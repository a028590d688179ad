import type { TelemetryOptions } from "@sluice/telemetry";
import type { z } from "zod";
import type { platformKeys } from "./config.ts";

type PlatformConfig = z.output<z.ZodObject<typeof platformKeys>>;

/** The part of a service's configuration that says how it is watched, as `TelemetryModule.forService` takes it. */
export function telemetryOptionsOf(
  config: Pick<PlatformConfig, "SLUICE_LOG_LEVEL" | "SLUICE_ADMIN_HOST" | "SLUICE_ADMIN_PORT">,
  service: string,
): TelemetryOptions {
  return {
    service,
    logLevel: config.SLUICE_LOG_LEVEL,
    adminHost: config.SLUICE_ADMIN_HOST,
    adminPort: config.SLUICE_ADMIN_PORT,
  };
}
