import type { RegistryAccess } from "@sluice/contracts";
import { webAddressProblem } from "@sluice/domain";
import { ADMIN, CLIENT, readStatus, type StackStatus } from "@sluice/local-stack";
import {
  kafkaConnectionOf,
  kafkaKeys,
  parseConfig,
  registryAccessOf,
  registryKeys,
} from "@sluice/service-host/environment";
import type { KafkaConnection } from "@sluice/stage";
import { z } from "zod";
import { fromEnvironment } from "./environment.ts";
import { withLocalStack } from "./local-connection.ts";
import { noStack } from "./no-stack.ts";
import { UsageError } from "./usage-error.ts";

export interface TopicsAddress {
  readonly kafka: KafkaConnection;
  readonly registryUrl: string;
  readonly registryAccess: RegistryAccess;
}

const topicsSchema = z.object({ ...kafkaKeys, ...registryKeys });

/**
 * Returns the Kafka and the registry that the environment names, or else those of the local stack, with its accounts.
 * Reads accounts and TLS of the user's own servers from the same variables as the services.
 *
 * @param role the account of the local stack's Kafka to use, by default the administrator's. Its registry only receives the
 *   account of the user's programs, which reads.
 * @throws UsageError naming every variable that is wrong
 * @throws TransientFault `CLI_NO_STACK` if neither the environment nor a running local stack provides an address
 */
export function topicsAddress(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
  role: string = ADMIN,
): TopicsAddress {
  const settings = withLocalStack(environment, dataDir, { kafka: role, registry: CLIENT });
  if (!settings["SLUICE_KAFKA_BROKERS"] || !settings["SLUICE_REGISTRY_URL"])
    throw noStack("set SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL to use another installation");
  const config = fromEnvironment(() => parseConfig(topicsSchema, settings));
  return {
    kafka: kafkaConnectionOf(config, "cli"),
    registryUrl: config.SLUICE_REGISTRY_URL,
    registryAccess: registryAccessOf(config),
  };
}

const edgeSchema = z.object({
  SLUICE_URL_ALLOW_PLAIN_HTTP: z.enum(["true", "false"]).default("false"),
});

export interface Edge {
  /** The base address without `/v1` and without a trailing slash. */
  readonly url: string;
  readonly key: string;
}

/**
 * Returns the address and key of the HTTP edge: from the command line, or else from the environment,
 * or else those of the local stack.
 *
 * @throws UsageError if the address is invalid, contains credentials, is plain http to another machine without
 *   `SLUICE_URL_ALLOW_PLAIN_HTTP=true`, or has no key
 * @throws TransientFault `CLI_NO_STACK` if there is no address and no local stack is running
 */
export async function edgeAddress(
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<Edge> {
  const address = given.url ?? (environment["SLUICE_URL"] || undefined);
  const key = given.key ?? (environment["SLUICE_API_KEY"] || undefined);
  if (address === undefined) return localEdge(key, await readStatus(dataDir));
  const url = edgeUrl(address, given.url === undefined ? "SLUICE_URL" : "--url", environment);
  // The demo key belongs to the local stack, so we never send it to another address.
  if (key === undefined)
    throw new UsageError(`There is no API key for ${url}. Set SLUICE_API_KEY, or pass --key.`);
  return { url, key };
}

function localEdge(key: string | undefined, { http, demoKey }: StackStatus): Edge {
  if (http === null) throw noStack("pass --url or set SLUICE_URL to send to another address");
  const used = key ?? demoKey;
  if (used !== null) return { url: http, key: used };
  throw new UsageError("The local stack has no demo key. Set SLUICE_API_KEY, or pass --key.");
}

/**
 * Returns the address without the `/v1` that base URLs for OpenAI's SDKs have. The error does not contain the address,
 * because it may contain a password.
 *
 * @param source the option or variable that has the address
 * @throws UsageError
 */
function edgeUrl(address: string, source: string, environment: NodeJS.ProcessEnv): string {
  const { SLUICE_URL_ALLOW_PLAIN_HTTP: allowed } = fromEnvironment(() =>
    parseConfig(edgeSchema, environment),
  );
  const problem = webAddressProblem(address, {
    allowPlainHttp: allowed === "true",
    allowedBy: "SLUICE_URL_ALLOW_PLAIN_HTTP=true",
  });
  if (problem === undefined) return address.replace(/\/+$/, "").replace(/\/v1$/, "");
  throw new UsageError(
    `${source} ${problem}. An address is, for example, http://127.0.0.1:8080, and the API key is in SLUICE_API_KEY.`,
  );
}
