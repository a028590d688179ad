import type { RegistryAccess } from "@sluice/contracts";
import type { KafkaConnection, StageLogger } from "@sluice/stage";

/** The values of options that are not set. */
export const clientDefaults = {
  clientId: "sluice-client",
  connectTimeoutMs: 10_000,
  asksMax: 10_000,
  sendTimeoutMs: 30_000,
  askTimeoutMs: 60_000,
} as const;

export interface ClientOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** Base address of a schema registry with Confluent's API. */
  readonly registryUrl: string;
  /** Basic authentication or a bearer token, and the CA's PEM text for `https://`. Not set: neither. */
  readonly registryAccess?: RegistryAccess;
  /** `sk-sluice-<key id>-<secret>`. The secret signs requests and is never sent. */
  readonly apiKey: string;
  /** The installation's `SLUICE_KAFKA_TOPIC_PREFIX`. Not set: no prefix. */
  readonly topicPrefix?: string;
  /**
   * The tenant, if it has its own topics (`ownTopics`): the client then reads outcomes and charges from these. Not set: from
   * the topics of all tenants, which only an operator's account may read.
   */
  readonly tenant?: string;
  readonly sasl?: NonNullable<KafkaConnection["sasl"]>;
  /** `true`, or Node's TLS options with the certificates. */
  readonly tls?: NonNullable<KafkaConnection["tls"]>;
  /** The name of the client in the broker's logs. */
  readonly clientId?: string;
  /** How long `connect` tries, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** The most calls of `ask` at the same time. */
  readonly asksMax?: number;
  /** For example a pino logger. Not set: nothing is logged. Messages contain no prompts, answers or secrets. */
  readonly logger?: StageLogger;
}

export interface SendOptions {
  /** How long to try, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Sent in addition to the signature, which covers `correlation-id` and `traceparent`. `correlation-id` is returned with the response; `traceparent` continues a trace. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AskOptions extends SendOptions {
  /** The time from the call to the answer, in milliseconds. It is also the request's deadline, unless the request has one. */
  readonly timeoutMs?: number;
}

export interface ReadOptions {
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal;
  /** Where to begin. The default `now` is the moment of the call. */
  readonly from?: "now" | "beginning";
  /**
   * The name under which the broker stores the position of the reader. A record counts as read when
   * the loop requests the record after it, so each record is read at least once. A new group starts
   * at the beginning of the topic. Readers with the same group share the records.
   */
  readonly group?: string;
}
