import { RegistryTopicCodecs, SchemaRegistryClient } from "@sluice/contracts";
import { DeclarationsInvalid, readDeclared } from "@sluice/declarations";
import { ControlReader, entriesOf, type Plan, planApply } from "@sluice/declarations/control";
import { TransientFault, withTimeout } from "@sluice/domain";
import { provisioningOptionsOf } from "@sluice/provisioning";
import {
  type KafkaConnection,
  KafkaEventProducer,
  KafkaTopicFollower,
  silentLogger,
} from "@sluice/stage";
import { fromEnvironment } from "../environment.ts";
import { operatorEnvironment } from "../operator-environment.ts";
import { print, printJson, printToStderr } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { changesText } from "./changes-text.ts";

/** Reading a few thousand entries takes less than a second. */
const readMsMax = 30_000;

export interface ApplyOptions {
  readonly file: string;
  readonly dryRun: boolean;
  readonly dataDir: string;
  readonly json: boolean;
}

interface Connections {
  readonly kafka: KafkaConnection;
  readonly codecs: RegistryTopicCodecs;
}

/**
 * Runs `sluice apply`.
 *
 * @throws UsageError that lists every error of the file; TransientFault if Kafka or the registry does not answer
 */
export async function apply(options: ApplyOptions): Promise<number> {
  const wanted = entriesOf(givenIn(options.file));
  const connections = connectionsFor(options.dataDir);
  const plan = await planFor(connections, wanted);
  const { changes, version, messages } = plan;
  if (!options.json) print(changesText(changes));
  if (!options.dryRun && messages.length > 0) await publish(connections, plan);
  if (options.json) printJson({ version, isApplied: !options.dryRun, changes });
  else printToStderr(`${summaryOf(plan, options.dryRun)}\n`);
  return 0;
}

function givenIn(file: string): unknown {
  try {
    return readDeclared(file).given;
  } catch (error) {
    if (error instanceof DeclarationsInvalid) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function connectionsFor(dataDir: string): Connections {
  const environment = operatorEnvironment(dataDir);
  const { kafka, registryUrl, registryAccess } = fromEnvironment(() =>
    provisioningOptionsOf(environment, "cli"),
  );
  const registry = new SchemaRegistryClient(registryUrl, kafka.topicPrefix, registryAccess);
  return { kafka, codecs: new RegistryTopicCodecs(registry) };
}

async function planFor(
  { kafka, codecs }: Connections,
  wanted: ReturnType<typeof entriesOf>,
): Promise<Plan> {
  const reader = new ControlReader(new KafkaTopicFollower(kafka), codecs, {
    error: (fields, message) => printToStderr(`${message}: ${JSON.stringify(fields)}\n`),
  });
  try {
    await withTimeout(reader.caughtUp(), readMsMax, () => {
      throw new TransientFault(
        "STAGE_BROKER_UNAVAILABLE",
        `The control topics could not be read within ${readMsMax / 1_000} s. Check SLUICE_KAFKA_BROKERS, and run "sluice provision" if the topics do not exist.`,
      );
    });
    return planApply(reader.state, wanted, Date.now());
  } finally {
    await reader.close();
  }
}

async function publish({ kafka, codecs }: Connections, { messages }: Plan): Promise<void> {
  const producer = new KafkaEventProducer({ connection: kafka, codecs, logger: silentLogger });
  try {
    await producer.send(messages);
  } finally {
    await producer.close();
  }
}

function summaryOf({ changes, version, messages }: Plan, dryRun: boolean): string {
  if (messages.length === 0) return `Nothing to change: version ${version} is in force.`;
  const count = `${changes.length} ${changes.length === 1 ? "change" : "changes"}`;
  return dryRun
    ? `${count} would be published as version ${version}.`
    : `${count} published as version ${version}.`;
}
