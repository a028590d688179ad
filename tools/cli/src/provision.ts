import { TransientFault } from "@sluice/domain";
import { aclCommandOf, serviceRules } from "@sluice/provisioning";
import { printToStderr, labelledLine, print, printJson } from "./output.ts";
import { provisionTopics } from "./provision-topics.ts";
import { UsageError } from "./usage-error.ts";

const answerLimitMs = 10_000;
const compatibility = "FULL_TRANSITIVE";

export interface ProvisionOptions {
  readonly setCompatibility: boolean;
  /** Grant each service's account what it needs. */
  readonly acls: boolean;
  /** Print those grants, and do nothing. */
  readonly printAcls: boolean;
  readonly json: boolean;
}

/** `sluice provision`: topics and schemas on the Kafka and the registry that the environment names. */
export async function provision(options: ProvisionOptions): Promise<number> {
  if (options.printAcls)
    return printAcls(process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "", options.json);
  const kafka = process.env["SLUICE_KAFKA_BROKERS"];
  const registry = process.env["SLUICE_REGISTRY_URL"];
  if (!kafka || !registry)
    throw new UsageError("SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL say where; set both.");
  if (options.setCompatibility) await setCompatibility(registry);
  const write = options.json ? printToStderr : print;
  const provisioned = await provisionTopics(
    { kafka, registry },
    process.env,
    (name, text) => write(labelledLine(name, text)),
    options.acls,
  );
  if (options.json) printJson(provisioned);
  return 0;
}

/** For who grants by other means than ours. */
function printAcls(topicPrefix: string, json: boolean): number {
  const rules = serviceRules(topicPrefix);
  if (json) printJson(rules);
  else for (const rule of rules) print(`${aclCommandOf(rule)}\n`);
  return 0;
}

/** For a registry of our own: without a level of its own, Apicurio takes any schema. */
async function setCompatibility(registry: string): Promise<void> {
  const answer = await fetch(`${registry.replace(/\/$/, "")}/config`, {
    method: "PUT",
    body: JSON.stringify({ compatibility }),
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(answerLimitMs),
  }).catch((cause: unknown) => {
    throw unavailable("does not answer", cause);
  });
  if (!answer.ok) throw unavailable(`refuses the level ${compatibility} with ${answer.status}`);
}

function unavailable(what: string, cause?: unknown): TransientFault {
  return new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", `The schema registry ${what}.`, {
    cause,
  });
}
