import { TransientFault } from "@sluice/domain";
import { aclCommandOf, serviceRules } from "@sluice/provisioning";
import { printToStderr, labelledLine, print, printJson } from "./output.ts";
import { provisionTopics } from "./provision-topics.ts";
import { UsageError } from "./usage-error.ts";

const answerLimitMs = 10_000;
const compatibility = "FULL_TRANSITIVE";

export interface ProvisionOptions {
  readonly setCompatibility: boolean;
  /** Grant each service's account its rights. */
  readonly acls: boolean;
  /** Only print those grants. */
  readonly printAcls: boolean;
  readonly json: boolean;
}

/** Runs `sluice provision` on the Kafka and the registry that the environment names. @throws UsageError */
export async function provision(options: ProvisionOptions): Promise<number> {
  if (options.printAcls)
    return printAcls(process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "", options.json);
  const kafka = process.env["SLUICE_KAFKA_BROKERS"];
  const registry = process.env["SLUICE_REGISTRY_URL"];
  if (!kafka || !registry)
    throw new UsageError(
      "Set SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL to your Kafka and your schema registry.",
    );
  if (options.setCompatibility) await setCompatibility(registry);
  const write = options.json ? printToStderr : print;
  const prefix = process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "";
  const provisioned = await provisionTopics(
    process.env,
    (name, text) => write(labelledLine(name, text)),
    options.acls ? serviceRules(prefix) : [],
  );
  if (options.json) printJson(provisioned);
  return 0;
}

/** Prints the grants for operators who set ACLs with another tool. */
function printAcls(topicPrefix: string, json: boolean): number {
  const rules = serviceRules(topicPrefix);
  if (json) printJson(rules);
  else for (const rule of rules) print(`${aclCommandOf(rule)}\n`);
  return 0;
}

/** Sets the registry's global level. Without one, Apicurio accepts any schema. */
async function setCompatibility(registry: string): Promise<void> {
  const answer = await fetch(`${registry.replace(/\/$/, "")}/config`, {
    method: "PUT",
    body: JSON.stringify({ compatibility }),
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(answerLimitMs),
  }).catch((cause: unknown) => {
    throw unavailable(registry, "does not answer. Check SLUICE_REGISTRY_URL", cause);
  });
  if (!answer.ok)
    throw unavailable(
      registry,
      `refused the compatibility level ${compatibility} with status ${answer.status}`,
    );
}

/** Names the registry without its path and without a password that its URL may contain. */
function unavailable(registry: string, reason: string, cause?: unknown): TransientFault {
  const address = URL.parse(registry)?.origin ?? "SLUICE_REGISTRY_URL";
  return new TransientFault(
    "CONTRACT_REGISTRY_UNAVAILABLE",
    `The schema registry at ${address} ${reason}.`,
    { cause },
  );
}
