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
  tenantTopicOf,
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
import {
  type AskOptions,
  clientDefaults,
  type ClientOptions,
  type ReadOptions,
  type SendOptions,
} from "./options.ts";
import { type RetryLimits, retryUntil } from "./retry.ts";
import { Reader } from "./reader.ts";
import { type Reading, Records } from "./records.ts";
import { RecentIds } from "./recent-ids.ts";
import { recordOf, type Request } from "./request.ts";
import { signingKeyOf } from "./signing-key.ts";
import { WaitingAnswers } from "./waiting-answers.ts";

/** The outcome of a completed request, with its answer. */
export type CompletedResponse = InferenceResponded & { readonly completed: Completed };

/** The time limit of one attempt to send. After it, the client sends again with the same id. */
const tryMs = 5_000;

/** Sends requests to Sluice over Kafka, and reads responses and charges. {@link SluiceClient.connect} creates it. */
export class SluiceClient implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #key: SigningKey;
  readonly #connection: KafkaConnection;
  readonly #responded: Topic<InferenceResponded>;
  readonly #charged: Topic<CostCharged>;
  readonly #codecs: RegistryTopicCodecs;
  readonly #producer: KafkaEventProducer;
  readonly #offsets: KafkaTopicOffsets;
  readonly #answers: WaitingAnswers;
  readonly #closing = new AbortController();
  /** Readers that look up the current end of their topic. A send waits for them, or they would miss its response. */
  readonly #opening = new Set<Promise<unknown>>();
  readonly #readings = new Set<Reading>();
  #inbox: Promise<unknown> | undefined;

  private constructor(options: ClientOptions) {
    const { brokers, topicPrefix = "", clientId = clientDefaults.clientId, sasl, tls } = options;
    this.#options = options;
    this.#key = signingKeyOf(options.apiKey);
    this.#connection = {
      brokers,
      topicPrefix,
      clientId,
      ...(sasl ? { sasl } : {}),
      ...(tls ? { tls } : {}),
    };
    const { inferenceResponded, costCharged } = topics;
    const { tenant } = options;
    this.#responded = tenant ? tenantTopicOf(inferenceResponded, tenant) : inferenceResponded;
    this.#charged = tenant ? tenantTopicOf(costCharged, tenant) : costCharged;
    const { logger = silentLogger, asksMax = clientDefaults.asksMax } = options;
    this.#codecs = new RegistryTopicCodecs(
      new SchemaRegistryClient(options.registryUrl, topicPrefix, options.registryAccess),
    );
    this.#producer = new KafkaEventProducer({
      connection: this.#connection,
      codecs: this.#codecs,
      logger,
      sendTimeoutMs: tryMs,
    });
    this.#offsets = new KafkaTopicOffsets(this.#connection, logger);
    this.#answers = new WaitingAnswers(asksMax);
  }

  /**
   * Connects, and checks that the broker has the request topic and the registry has its schema.
   *
   * @throws SluiceError `CLIENT_MISCONFIGURED`; `CLIENT_UNREACHABLE` after `connectTimeoutMs`
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
   * Signs the request and puts it on `inference.requested`. A request without an id gets a UUIDv7.
   * Returns the id when all in-sync replicas have acknowledged the request.
   *
   * @throws SluiceError `CLIENT_REQUEST_INVALID`, `CLIENT_NOT_SENT`; the reason of `signal`, after
   *   which the request may or may not have been sent
   */
  async send(request: Request, options: SendOptions = {}): Promise<string> {
    this.#closing.signal.throwIfAborted();
    const record = recordOf(request, uuidv7(Date.now()));
    const link = this.#linkOf(options);
    try {
      const { signal } = link;
      await this.#publish(record, { timeoutMs: clientDefaults.sendTimeoutMs, ...options, signal });
      return record.requestId;
    } finally {
      link.release();
    }
  }

  /**
   * Sends the request and returns the response with its answer. After a time-out or an abort, the
   * request continues and may be charged.
   *
   * @throws RequestDeclined, RequestFailed with Sluice's code; AnswerTimedOut `CLIENT_NO_ANSWER`;
   *   the errors of `send`; the reason of `signal`
   */
  async ask(request: Request, options: AskOptions = {}): Promise<CompletedResponse> {
    this.#closing.signal.throwIfAborted();
    const { timeoutMs = clientDefaults.askTimeoutMs } = options;
    const until = performance.now() + timeoutMs;
    const record = withDeadline(recordOf(request, uuidv7(Date.now())), Date.now() + timeoutMs);
    const link = this.#linkOf(options);
    const { signal } = link;
    try {
      const { name } = this.#responded;
      await this.#reach(name, () => this.#openInbox(), { timeoutMs, signal });
      this.#answers.ensureRoom(record.requestId);
      const remainingMs = Math.max(until - performance.now(), 1);
      const answer = this.#answers.answerTo(record.requestId, remainingMs, signal);
      // If the send fails, the wait for the answer ends with the same error.
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

  /** Reads all outcomes on the topic, including those of other clients. A repeated request has its outcome on the topic again. */
  responses(options: ReadOptions = {}): Records<InferenceResponded> {
    return this.#read(this.#responded, options, () => true);
  }

  /**
   * Reads the charges of the ledger. The accountant may publish a charge again after a crash; the
   * client skips a charge id that is among the last 100,000.
   */
  costs(options: ReadOptions = {}): Records<CostCharged> {
    const seen = new RecentIds();
    return this.#read(this.#charged, options, ({ chargeId }) => seen.isNew(chargeId));
  }

  /** Rejects running calls of `ask` with `CLIENT_CLOSED`, ends iterations, and disconnects. Takes a few seconds at most. */
  async close(): Promise<void> {
    this.#closing.abort(
      new SluiceError("CLIENT_CLOSED", "The client was closed.", { remedy: "Connect a new one." }),
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
    const { connectTimeoutMs: timeoutMs = clientDefaults.connectTimeoutMs } = this.#options;
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
        // Each attempt has a new signature, because signatures expire after 5 minutes. The producer encodes
        // the same record to the same bytes.
        const { topicPrefix } = this.#connection;
        const unsigned = { topicPrefix, topic: topic.name, value, headers: options.headers ?? {} };
        const signature = signedHeaders(unsigned, this.#key, Date.now());
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
        remedy: "Nothing was sent. Give each field the type that the contract states.",
      });
    }
  }

  /** The first `ask` opens the inbox, so that a client that only sends needs no right to read. */
  async #openInbox(): Promise<void> {
    this.#inbox ??= this.#open(
      this.#responded,
      {},
      async (responses) => {
        for (const response of responses) this.#answers.resolve(response);
        return true;
      },
      (error) => {
        this.#inbox = undefined;
        this.#answers.rejectAll(error);
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
    throw new SluiceError("CLIENT_MISCONFIGURED", "The option brokers is malformed.", {
      remedy: "Pass a list of host:port without a protocol.",
    });
  if (!/^https?:\/\//.test(registryUrl) || !URL.canParse(registryUrl))
    throw new SluiceError("CLIENT_MISCONFIGURED", "The option registryUrl is malformed.", {
      remedy: "Pass a URL that begins with http:// or https://.",
    });
}

/** Sets the deadline to the end of the wait, unless the request has one. A later answer would be paid and not read. */
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
