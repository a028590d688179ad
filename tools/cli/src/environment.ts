import { ConfigurationError } from "@sluice/service-host/environment";
import { UsageError } from "./usage-error.ts";

/** Reads a configuration from the environment. @throws UsageError if the user has to correct a variable */
export function fromEnvironment<Config>(read: () => Config): Config {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
