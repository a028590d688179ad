import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  allTopics,
  deadLetterNameOf,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  type Topic,
} from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { provision } from "@sluice/provisioning";
import {
  EventProducer,
  type KafkaConnection,
  KafkaEventProducer,
  KafkaTopicAdmin,
  type Publishable,
} from "@sluice/stage";
import { type StackAddresses, stackAddresses } from "./stack-addresses.ts";
import { suiteDeclarations, suiteSecrets } from "./suite-declarations.ts";
import { deadLettersOf, RawCodecs, TopicReader } from "./topic-reader.ts";

/** The topics and declarations of one suite, which runs one service in the test's process. */
export class SuiteTopics {
  readonly connection: KafkaConnection;
  readonly codecs: RegistryTopicCodecs;
  readonly producer: KafkaEventProducer;
  /** The environment of a service. A test can change single variables. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #readers: TopicReader<unknown>[] = [];

  private constructor(addresses: StackAddresses, prefix: string, folder: string) {
    const { brokers, registryUrl, redisUrl, cacheRedisUrl } = addresses;
    this.connection = { brokers, topicPrefix: prefix, clientId: "suite" };
    this.codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, prefix));
    this.producer = new KafkaEventProducer({
      connection: this.connection,
      codecs: this.codecs,
    });
    this.#folder = folder;
    this.environment = {
      SLUICE_KAFKA_BROKERS: brokers.join(","),
      SLUICE_KAFKA_TOPIC_PREFIX: prefix,
      SLUICE_REGISTRY_URL: registryUrl,
      SLUICE_REDIS_URL: redisUrl,
      SLUICE_CACHE_REDIS_URL: cacheRedisUrl,
      SLUICE_ATTRIBUTION_SECRET: randomBytes(24).toString("hex"),
      SLUICE_CONFIG: join(folder, "sluice.yaml"),
      SLUICE_LOG_LEVEL: "silent",
    };
  }

  static async open(name: string): Promise<SuiteTopics> {
    const addresses = stackAddresses();
    const folder = mkdtempSync(join(tmpdir(), "sluice-suite-"));
    writeFileSync(join(folder, "sluice.yaml"), suiteDeclarations);
    // The service reads them from the environment of the test's process.
    Object.assign(process.env, suiteSecrets);
    const prefix = `${name}-${randomBytes(4).toString("hex")}.`;
    const suite = new SuiteTopics(addresses, prefix, folder);
    const { registryUrl } = addresses;
    await provision({ kafka: suite.connection, registryUrl, partitions: 2, replication: 1 });
    return suite;
  }

  async read<R>(topic: Topic<R>): Promise<TopicReader<R>> {
    return this.#keep(await TopicReader.open(this.connection, this.codecs, topic));
  }

  async readDeadLetters(topic: Topic<unknown>): Promise<TopicReader<Buffer>> {
    const letters = deadLettersOf(topic);
    return this.#keep(await TopicReader.open(this.connection, new RawCodecs(), letters));
  }

  /** Removes the topics. Stop the service before. */
  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
    await this.producer.close();
    const admin = new KafkaTopicAdmin(this.connection);
    await admin.remove(allTopics.flatMap(namesOf));
    await admin.close();
    rmSync(this.#folder, { recursive: true });
  }

  #keep<R>(reader: TopicReader<R>): TopicReader<R> {
    this.#readers.push(reader);
    return reader;
  }
}

function namesOf({ name, deadLetter }: Topic<unknown>): readonly string[] {
  return deadLetter ? [name, deadLetterNameOf(name)] : [name];
}

/**
 * Publishes, but reports a lost acknowledgement for the first message to each of the given topics, as
 * if the process had died between publishing and committing.
 */
export class ForgetfulProducer extends EventProducer {
  readonly #producer: EventProducer;
  readonly #toForget: Set<string>;

  /** @param topics the topics whose first acknowledgement is lost */
  constructor(producer: EventProducer, topics: readonly Topic<unknown>[]) {
    super();
    this.#producer = producer;
    this.#toForget = new Set(topics.map(({ name }) => name));
  }

  /** The topics without a lost acknowledgement so far. A test checks that none is left. */
  get waiting(): readonly string[] {
    return [...this.#toForget];
  }

  override async send(messages: readonly Publishable[]): Promise<void> {
    await this.#producer.send(messages);
    const forgotten = messages.filter((message) => this.#toForget.delete(nameOf(message)));
    if (forgotten.length > 0)
      throw new TransientFault("STAGE_BROKER_UNAVAILABLE", "The acknowledgement was lost.");
  }

  /** Does nothing, because the suite owns the producer that the service uses. */
  async close(): Promise<void> {}
}

function nameOf({ topic }: Publishable): string {
  return typeof topic === "string" ? topic : topic.name;
}
