import type { RegistryAccess } from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { readStatus, type StackStatus } from "@sluice/local-stack";
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
import { UsageError } from "./usage-error.ts";

export type AddressFaultCode = "CLI_NO_STACK";
const noStackCode: AddressFaultCode = "CLI_NO_STACK";

export interface Topics {
  readonly kafka: KafkaConnection;
  readonly registryUrl: string;
  readonly registryAccess: RegistryAccess;
}

const topicsSchema = z.object({ ...kafkaKeys, ...registryKeys });

/**
 * Kafka and registry that the environment names, else those of the local stack; accounts and TLS as
 * services read them.
 *
 * @throws UsageError naming what is wrong in the environment
 */
export async function topicsAddress(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<Topics> {
  const { SLUICE_KAFKA_BROKERS: givenBrokers, SLUICE_REGISTRY_URL: givenRegistry } = environment;
  const stack = givenBrokers && givenRegistry ? undefined : await readStatus(dataDir);
  const brokers = givenBrokers || stack?.kafka;
  const registry = givenRegistry || stack?.registry;
  if (!brokers || !registry)
    throw noStack("set SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL to look elsewhere");
  const settings = { ...environment, SLUICE_KAFKA_BROKERS: brokers, SLUICE_REGISTRY_URL: registry };
  const config = fromEnvironment(() => parseConfig(topicsSchema, settings));
  return {
    kafka: kafkaConnectionOf(config, "cli"),
    registryUrl: config.SLUICE_REGISTRY_URL,
    registryAccess: registryAccessOf(config),
  };
}

export interface Edge {
  /** Without a slash at its end, and without `/v1`. */
  readonly url: string;
  readonly key: string;
}

/** What the command line says, else the environment, else the local stack's edge and demo key. */
export async function edgeAddress(
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): Promise<Edge> {
  const url = given.url ?? (environment["SLUICE_URL"] || undefined);
  const key = given.key ?? (environment["SLUICE_API_KEY"] || undefined);
  if (url === undefined) return localEdge(key, await readStatus(dataDir));
  // The demo key is the local stack's own, and is settings to nobody else.
  if (key === undefined)
    throw new UsageError(`Give a key for ${url}: set SLUICE_API_KEY, or give --key.`);
  return { url: edgeUrl(url), key };
}

function localEdge(key: string | undefined, { http, demoKey }: StackStatus): Edge {
  if (http === null) throw noStack("give --url, or set SLUICE_URL, to send elsewhere");
  const used = key ?? demoKey;
  if (used !== null) return { url: http, key: used };
  throw new UsageError("The stack has no demo key: set SLUICE_API_KEY, or give --key.");
}

/** As OpenAI's SDKs are settings it, with `/v1`, or without. @throws UsageError */
function edgeUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ""))
    throw new UsageError(`"${text}" is no address: give one such as http://127.0.0.1:8080.`);
  return text.replace(/\/+$/, "").replace(/\/v1$/, "");
}

function noStack(otherwise: string): TransientFault {
  return new TransientFault(
    noStackCode,
    `No stack runs here: run "sluice up" first, or ${otherwise}.`,
  );
}
