import { randomUUID } from "node:crypto";
import {
  type Completed,
  type CostCharged,
  type InferenceRequested,
  type InferenceResponded,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  signedHeaders,
  type SigningKey,
  type Topic,
  topics,
} from "@sluice/contracts";
import { Fault, uuidv7 } from "@sluice/domain";
import {
  type KafkaConnection,
  KafkaEventProducer,
  KafkaTopicOffsets,
  outgoing,
  silentLogger,
} from "@sluice/stage";
import { Registry } from "prom-client";
import { AbortLink } from "./abort-link.ts";
import {
  AnswerTimedOut,
  reasonOf,
  RequestDeclined,
  RequestFailed,
  RequestNotSent,
  SluiceError,
  Unreachable,
} from "./errors.ts";
import { Handoff } from "./handoff.ts";
import type { AskOptions, ClientOptions, ReadOptions, SendOptions } from "./options.ts";
import { type RetryLimits, retryUntil } from "./retry.ts";
import { Reader } from "./reader.ts";
import { type Reading, Records } from "./records.ts";
import { RecentIds } from "./recent-ids.ts";
import { recordOf, type Request } from "./request.ts";
import { signingKeyOf } from "./signing-key.ts";
import { WaitingAnswers } from "./waiting-answers.ts";

/** An outcome with its answer. */
export type CompletedResponse = InferenceResponded & { readonly completed: Completed };

const sendTimeoutMs = 30_000;
const askTimeoutMs = 60_000;
const connectMs = 10_000;
/** One try of a send; then a new producer tries again with the same id. */
const tryMs = 5_000;

/** Sluice over Kafka: requests out, responses and costs in. Made by {@link SluiceClient.connect}. */
export class SluiceClient implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #key: SigningKey;
  readonly #connection: KafkaConnection;
  readonly #codecs: RegistryTopicCodecs;
  readonly #producer: KafkaEventProducer;
  readonly #offsets: KafkaTopicOffsets;
  readonly #answers: WaitingAnswers;
  readonly #closing = new AbortController();
  /** Readers that are finding out where "now" is; what is sent meanwhile would be missed. */
  readonly #opening = new Set<Promise<unknown>>();
  readonly #readings = new Set<Reading>();
  #inbox: Promise<unknown> | undefined;

  private constructor(options: ClientOptions) {
    const { brokers, topicPrefix = "", clientId = "sluice-client", sasl, tls } = options;
    this.#options = options;
    this.#key = signingKeyOf(options.apiKey);
    this.#connection = {
      brokers,
      topicPrefix,
      clientId,
      ...(sasl ? { sasl } : {}),
      ...(tls ? { tls } : {}),
    };
    const { logger = silentLogger, asksMax = 10_000 } = options;
    this.#codecs = new RegistryTopicCodecs(
      new SchemaRegistryClient(options.registryUrl, topicPrefix, options.registryAccess),
    );
    this.#producer = new KafkaEventProducer({
      connection: this.#connection,
      codecs: this.#codecs,
      logger,
      registry: new Registry(),
      sendTimeoutMs: tryMs,
    });
    this.#offsets = new KafkaTopicOffsets(this.#connection, logger);
    this.#answers = new WaitingAnswers(asksMax);
  }

  /**
   * Resolves when the broker has the request topic and the registry its schema.
   *
   * @throws SluiceError `CLIENT_MISCONFIGURED`; `CLIENT_UNREACHABLE` when that takes longer than `connectTimeoutMs`
   */
  static async connect(options: ClientOptions): Promise<SluiceClient> {
    checkAddresses(options);
    const client = new SluiceClient(options);
    try {
      await client.#prepare();
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /**
   * Signs the request and puts it on `inference.requested`. Where it has no id it gets a UUIDv7.
   *
   * @returns the request's id, when all in-sync replicas have acknowledged it
   * @throws SluiceError `CLIENT_REQUEST_INVALID`, `CLIENT_NOT_SENT`; the reason of `signal`, after
   *   which it is unknown whether it was sent
   */
  async send(request: Request, options: SendOptions = {}): Promise<string> {
    this.#closing.signal.throwIfAborted();
    const record = recordOf(request, uuidv7(Date.now()));
    const link = this.#linkOf(options);
    try {
      const { signal } = link;
      await this.#publish(record, { timeoutMs: sendTimeoutMs, ...options, signal });
      return record.requestId;
    } finally {
      link.release();
    }
  }

  /**
   * Sends the request and waits for its answer.
   *
   * @throws RequestDeclined, RequestFailed with Sluice's code; AnswerTimedOut `CLIENT_NO_ANSWER`;
   *   what `send` throws; the reason of `signal`. A request that nobody waits for any more goes on.
   */
  async ask(request: Request, options: AskOptions = {}): Promise<CompletedResponse> {
    this.#closing.signal.throwIfAborted();
    const { timeoutMs = askTimeoutMs } = options;
    const until = performance.now() + timeoutMs;
    const record = withDeadline(recordOf(request, uuidv7(Date.now())), Date.now() + timeoutMs);
    const link = this.#linkOf(options);
    const { signal } = link;
    try {
      const { name } = topics.inferenceResponded;
      await this.#reach(name, () => this.#openInbox(), { timeoutMs, signal });
      this.#answers.ensureRoom(record.requestId);
      const remainingMs = Math.max(until - performance.now(), 1);
      const answer = this.#answers.answerTo(record.requestId, remainingMs, signal);
      // Nobody waits for what was not sent.
      this.#publish(record, { ...options, timeoutMs: remainingMs, signal }).catch(
        (error: unknown) => link.abort(error),
      );
      const response = await answer;
      if (response) return completedOf(response);
      const { topicPrefix } = this.#connection;
      throw new AnswerTimedOut(record.requestId, timeoutMs, this.#key.id, topicPrefix);
    } finally {
      link.release();
    }
  }

  /** All outcomes on the topic that the account may read, whoever asked; a repeated request's comes again. */
  responses(options: ReadOptions = {}): Records<InferenceResponded> {
    return this.#read(topics.inferenceResponded, options, () => true);
  }

  /**
   * Charges as they stand in the ledger. The accountant may publish a charge again after a
   * crash: of repeats within 100,000 charges only the first is given.
   */
  costs(options: ReadOptions = {}): Records<CostCharged> {
    const seen = new RecentIds();
    return this.#read(topics.costCharged, options, ({ chargeId }) => seen.isNew(chargeId));
  }

  /** Asks under way are rejected with `CLIENT_CLOSED`, iterations end. Takes seconds at most. */
  async close(): Promise<void> {
    this.#closing.abort(
      new SluiceError("CLIENT_CLOSED", "The client was closed.", { remedy: "Connect again." }),
    );
    await Promise.allSettled(this.#opening);
    await Promise.all([...this.#readings].map((reading) => reading.close()));
    await this.#producer.close();
    await this.#offsets.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #prepare(): Promise<void> {
    const topic = topics.inferenceRequested;
    const { brokers, registryUrl } = this.#options;
    await Promise.all([
      this.#reach(`the schema registry at ${new URL(registryUrl).host}`, () =>
        this.#codecs.prepare([topic]),
      ),
      this.#reach(`Kafka at ${brokers.join(",")}`, () => this.#offsets.endOffsets(topic.name)),
    ]);
  }

  async #reach<T>(where: string, work: () => Promise<T>, given?: RetryLimits): Promise<T> {
    const { connectTimeoutMs: timeoutMs = connectMs } = this.#options;
    try {
      return await retryUntil(work, given ?? { timeoutMs, signal: this.#closing.signal });
    } catch (error) {
      if (error instanceof Fault) throw new Unreachable(where, error);
      throw error;
    }
  }

  async #publish(
    record: InferenceRequested,
    options: SendOptions & { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const topic = topics.inferenceRequested;
    const value = this.#encoded(record);
    await Promise.allSettled(this.#opening);
    try {
      await retryUntil(() => {
        // Signed anew each time; the producer encodes the same record to the same bytes.
        const signature = signedHeaders(topic.name, value, this.#key, Date.now());
        const headers = { ...options.headers, ...signature };
        return this.#producer.send([outgoing(topic, record, headers)]);
      }, options);
    } catch (error) {
      options.signal.throwIfAborted();
      throw new RequestNotSent(record.requestId, error);
    }
  }

  #encoded(record: InferenceRequested): Buffer {
    try {
      return this.#codecs.encode(topics.inferenceRequested, record);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new SluiceError("CLIENT_REQUEST_INVALID", `${reasonOf(error)}.`, {
        requestId: record.requestId,
        cause: error,
        remedy: "Nothing was sent: give each field the type that the contract has.",
      });
    }
  }

  /** Opened by the first ask, so that who only sends needs no right to read. */
  async #openInbox(): Promise<void> {
    this.#inbox ??= this.#open(
      topics.inferenceResponded,
      {},
      async (responses) => {
        for (const response of responses) this.#answers.arrived(response);
        return true;
      },
      (error) => {
        this.#inbox = undefined;
        this.#answers.broke(error);
      },
    ).catch((error: unknown) => {
      this.#inbox = undefined;
      throw error;
    });
    await this.#inbox;
  }

  #read<R>(topic: Topic<R>, options: ReadOptions, isWanted: (record: R) => boolean): Records<R> {
    const handoff = new Handoff<R>();
    const opening = this.#open(
      topic,
      options,
      (records) => handoff.give(records),
      (error) => handoff.close(error),
    );
    return new Records({ opening, handoff, isWanted, signal: this.#linkOf(options).signal });
  }

  async #open<R>(
    topic: Topic<R>,
    { from = "now", group }: ReadOptions,
    take: (records: readonly R[]) => Promise<boolean>,
    failed: (error: Unreachable) => void,
  ): Promise<Reading> {
    this.#closing.signal.throwIfAborted();
    const ends = this.#reach(topic.name, () => this.#offsets.endOffsets(topic.name));
    this.#opening.add(ends);
    const found = await ends.finally(() => this.#opening.delete(ends));
    this.#closing.signal.throwIfAborted();
    const reader = new Reader<R>({
      connection: this.#connection,
      codecs: this.#codecs,
      topic,
      take,
      failed,
      group: `client.${this.#key.id}.${group ?? randomUUID()}`,
      start: from === "now" && group === undefined ? found : new Map(),
      logger: this.#options.logger ?? silentLogger,
    });
    const reading: Reading = {
      close: async () => {
        this.#readings.delete(reading);
        await reader.close();
      },
    };
    this.#readings.add(reading);
    return reading;
  }

  #linkOf({ signal }: SendOptions): AbortLink {
    return new AbortLink(signal ? [this.#closing.signal, signal] : [this.#closing.signal]);
  }
}

function checkAddresses({ brokers, registryUrl }: ClientOptions): void {
  if (brokers.length === 0 || brokers.some((broker) => !/^[^\s,/]+:\d+$/.test(broker)))
    throw new SluiceError("CLIENT_MISCONFIGURED", "The brokers are malformed.", {
      remedy: "Give a list of host:port, without a protocol.",
    });
  if (!/^https?:\/\//.test(registryUrl) || !URL.canParse(registryUrl))
    throw new SluiceError("CLIENT_MISCONFIGURED", "The registry's address is malformed.", {
      remedy: "Give its URL, with http:// or https://.",
    });
}

/** An answer that comes after the time to wait would be paid for nobody. */
function withDeadline(record: InferenceRequested, deadlineAt: number): InferenceRequested {
  const { requirements } = record;
  if (requirements.deadlineAt !== null) return record;
  return { ...record, requirements: { ...requirements, deadlineAt } };
}

function completedOf(response: InferenceResponded): CompletedResponse {
  const { outcome, completed } = response;
  if (completed) return { ...response, completed };
  throw outcome === "declined" ? new RequestDeclined(response) : new RequestFailed(response);
}
