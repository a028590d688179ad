import { type Logger, pino } from "pino";

export type { Logger } from "pino";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Returns a logger that writes JSON lines to standard output. Their fields are `stage`, `topic`,
 * `partition`, `offset`, `requestId`, `tenant` and `code`; never prompts, answers or secrets.
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

/**
 * Returns the loggable members of an error. Others are left out, because clients attach requests
 * and bodies to errors.
 */
function errorOf(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { name, message, stack, cause } = thrown;
  const code = "code" in thrown ? thrown.code : undefined;
  return { name, message, code, stack, ...(cause ? { cause: errorOf(cause) } : {}) };
}
