import { TransientFault } from "@sluice/domain";
import { parseOptions } from "./options.ts";
import { lineOf, print } from "./progress.ts";
import { provisionTopics } from "./provision-topics.ts";
import { UsageError } from "./usage-error.ts";

const answerLimitMs = 10_000;
const compatibility = "FULL_TRANSITIVE";

/** `sluice provision`: topics and schemas on the Kafka and the registry that the environment names. */
export async function provision(args: readonly string[]): Promise<number> {
  const values = parseOptions(args, { "set-compatibility": { type: "boolean", default: false } });
  const kafka = process.env["SLUICE_KAFKA_BROKERS"];
  const registry = process.env["SLUICE_REGISTRY_URL"];
  if (!kafka || !registry)
    throw new UsageError("SLUICE_KAFKA_BROKERS and SLUICE_REGISTRY_URL say where; set both.");
  if (values["set-compatibility"]) await setCompatibility(registry);
  await provisionTopics({ kafka, registry }, process.env, (name, text) =>
    print(lineOf(name, text)),
  );
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
