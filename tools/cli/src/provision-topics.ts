import { type Addresses, type Report, secondsSince } from "@sluice/local-stack";
import { provision } from "@sluice/provisioning";

const PARTITIONS = 4;

/** Creates what is missing, says what differs. `SLUICE_KAFKA_PARTITIONS`, `SLUICE_KAFKA_REPLICATION`. */
export async function provisionTopics(
  addresses: Pick<Addresses, "kafka" | "registry">,
  environment: NodeJS.ProcessEnv,
  report: Report,
): Promise<void> {
  const startMs = Date.now();
  const { created, registered, differences } = await provision({
    kafka: {
      brokers: addresses.kafka.split(",").map((broker) => broker.trim()),
      topicPrefix: environment["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "",
      clientId: "sluice.cli",
    },
    registryUrl: addresses.registry,
    partitions: Number(environment["SLUICE_KAFKA_PARTITIONS"] || PARTITIONS),
    replication: Number(environment["SLUICE_KAFKA_REPLICATION"] || 1),
  });
  for (const difference of differences) report("topics", `differs: ${difference}`);
  const counts = `${created.length} created, ${registered.length} schemas registered`;
  report("topics", `ready after ${secondsSince(startMs)}, ${counts}`);
}
