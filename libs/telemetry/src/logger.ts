import { type Logger, pino } from "pino";

export type { Logger } from "pino";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * JSON lines on standard output. Fields are `stage, topic, partition, offset,
 * requestId, tenant, code`; never prompts, answers or secrets.
 */
export function createLogger(service: string, level: LogLevel): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorOf, error: errorOf },
  });
}

/** What a fault says of itself. Its enumerable extras stay out: clients hang requests and bodies on errors. */
function errorOf(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { name, message, stack, cause } = thrown;
  const code = "code" in thrown ? thrown.code : undefined;
  return { name, message, code, stack, ...(cause ? { cause: errorOf(cause) } : {}) };
}
