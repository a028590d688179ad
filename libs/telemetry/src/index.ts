export { AdminServer } from "./admin-server.ts";
export { createLogger, type Logger, type LogLevel, logLevels } from "./logger.ts";
export { Readiness, type ReadinessProbe } from "./readiness.ts";
export { type MemoryProbe, type MemoryUse, StoreMemory } from "./store-memory.ts";
export { LOGGER, TelemetryModule, type TelemetryOptions } from "./telemetry.module.ts";
