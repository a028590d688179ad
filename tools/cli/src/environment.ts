import { ConfigurationError } from "@sluice/service-host/environment";
import { UsageError } from "./usage-error.ts";

/** What is wrong in the environment is for the caller of the command to put right. @throws UsageError */
export function fromEnvironment<Config>(read: () => Config): Config {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
