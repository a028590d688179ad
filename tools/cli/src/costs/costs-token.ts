import { costsKeys, parseConfig } from "@sluice/service-host/environment";
import { z } from "zod";
import { fromEnvironment } from "../environment.ts";

const schema = z.object(costsKeys);

/**
 * Returns the headers of a request for costs: the token in the environment, or none, because an accountant on
 * loopback does not have to require one.
 *
 * @throws UsageError if the variable, or the file that it names, cannot be used
 */
export function costsHeaders(environment: NodeJS.ProcessEnv): Record<string, string> {
  const { SLUICE_COSTS_TOKEN: token } = fromEnvironment(() => parseConfig(schema, environment));
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
