import { createHash, createHmac } from "node:crypto";
import {
  type InferenceRequested,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  type Topic,
  topics,
} from "@sluice/contracts";
import { type KafkaConnection, KafkaEventProducer } from "@sluice/stage";
import { bytesOf, deadLettersOf, RawCodecs, TopicReader } from "./topic-reader.ts";

export interface KafkaUserOptions {
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly registryUrl: string;
  /** `sk-sluice-<key id>-<secret>`. The secret signs the requests. */
  readonly apiKey: string;
}

type Headers = Readonly<Record<string, string>>;
/** Includes headers that no client should send: bytes that are not text, and one name several times. */
type AnyHeaders = Readonly<Record<string, string | Buffer | (string | Buffer)[]>>;

/**
 * A client program: produces signed requests and reads the public topics. Its own code computes
 * the signatures, as an independent check of the signature in `@sluice/contracts`.
 */
export class KafkaUser {
  readonly #connection: KafkaConnection;
  readonly #codecs: RegistryTopicCodecs;
  readonly #producer: KafkaEventProducer;
  readonly #key: { readonly id: string; readonly secret: string };
  readonly #readers: TopicReader<unknown>[] = [];
  readonly #prepared = new Set<string>();

  constructor({ brokers, topicPrefix, registryUrl, apiKey }: KafkaUserOptions) {
    const [, id = "", secret = ""] = /^sk-sluice-([^-]+)-(.+)$/.exec(apiKey) ?? [];
    this.#key = { id, secret };
    this.#connection = { brokers, topicPrefix, clientId: "kafka-user" };
    this.#codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, topicPrefix));
    this.#producer = new KafkaEventProducer({
      connection: this.#connection,
      codecs: this.#codecs,
    });
  }

  async request(record: InferenceRequested, headers: Headers = {}): Promise<Buffer> {
    const value = await this.encode(topics.inferenceRequested, record);
    await this.send(
      value,
      { ...this.signatureOf(value, Date.now(), headers), ...headers },
      record.requestId,
    );
    return value;
  }

  /** Encodes a record with the registered id of its schema. */
  async encode<R>(topic: Topic<R>, record: R): Promise<Buffer> {
    if (!this.#prepared.has(topic.name)) await this.#codecs.prepare([topic]);
    this.#prepared.add(topic.name);
    return this.#codecs.encode(topic, record);
  }

  /** @param headers those that are sent with the message; the signature covers two of them */
  signatureOf(
    value: Buffer,
    issuedAt: number | string = Date.now(),
    headers: AnyHeaders = {},
  ): Headers {
    const covered = ["correlation-id", "traceparent"].map((name) => {
      const last = [headers[name] ?? []].flat().at(-1);
      return last === undefined ? "" : sha256(last);
    });
    const { topicPrefix } = this.#connection;
    const topic = `${topicPrefix}inference.requested`;
    const fields = ["v2", topic, this.#key.id, String(issuedAt), sha256(value), ...covered];
    return this.#signed(issuedAt, `v2.${this.#hmac(fields)}`);
  }

  /** The signature of version 0.1.0, which covers neither the prefix nor other headers. */
  firstSignatureOf(value: Buffer, issuedAt: number | string = Date.now()): Headers {
    const fields = ["inference.requested", this.#key.id, String(issuedAt), sha256(value)];
    return this.#signed(issuedAt, this.#hmac(fields));
  }

  /** Sends any bytes to the request topic. */
  async send(value: Buffer, headers: AnyHeaders, key: string): Promise<void> {
    const topic = topics.inferenceRequested.name;
    await this.#producer.send([
      { kind: "dead-letter", topic, key: Buffer.from(key), value, headers, partition: 0 },
    ]);
  }

  async read<R>(topic: Topic<R>): Promise<TopicReader<R>> {
    return this.#keep(await TopicReader.open(this.#connection, this.#codecs, topic));
  }

  /** Reads each message as bytes, including those that cannot be decoded. */
  async readBytes(topic: Topic<unknown>): Promise<TopicReader<Buffer>> {
    return this.#keep(await TopicReader.open(this.#connection, new RawCodecs(), bytesOf(topic)));
  }

  async readDeadLetters(topic: Topic<unknown>): Promise<TopicReader<Buffer>> {
    return this.readBytes(deadLettersOf(topic));
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
    await this.#producer.close();
  }

  #signed(issuedAt: number | string, signature: string): Headers {
    return {
      "sluice-key-id": this.#key.id,
      "sluice-issued-at": String(issuedAt),
      "sluice-signature": signature,
    };
  }

  #hmac(fields: readonly string[]): string {
    return createHmac("sha256", this.#key.secret).update(fields.join("\n")).digest("hex");
  }

  #keep<R>(reader: TopicReader<R>): TopicReader<R> {
    this.#readers.push(reader);
    return reader;
  }
}

function sha256(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
