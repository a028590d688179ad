import type { RegistryAccess } from "@sluice/contracts";
import type { KafkaConnection, StageLogger } from "@sluice/stage";

export interface ClientOptions {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  /** Base address of the schema registry's API of Confluent's form. */
  readonly registryUrl: string;
  /** Basic authentication or a bearer token, and the CA's PEM text for `https://`; none when absent. */
  readonly registryAccess?: RegistryAccess;
  /** `sk-sluice-<key id>-<secret>`; it signs, and is never sent. */
  readonly apiKey: string;
  /** As the installation's `SLUICE_KAFKA_TOPIC_PREFIX`; none when absent. */
  readonly topicPrefix?: string;
  readonly sasl?: NonNullable<KafkaConnection["sasl"]>;
  /** `true`, or Node's TLS options with the certificates. */
  readonly tls?: NonNullable<KafkaConnection["tls"]>;
  /** Shown in the broker's logs; default `sluice-client`. */
  readonly clientId?: string;
  /** How long `connect` tries, in milliseconds; default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Most asks under way at once; default 10,000. */
  readonly asksMax?: number;
  /** Silent when absent; a pino logger fits. Never given prompts, answers or secrets. */
  readonly logger?: StageLogger;
}

export interface SendOptions {
  /** How long to try, in milliseconds; default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Beside the signature's: `correlation-id` comes back on the response, `traceparent` travels along. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AskOptions extends SendOptions {
  /** From the call to the answer, in milliseconds; default 60,000. Also the request's deadline where it has none. */
  readonly timeoutMs?: number;
}

export interface ReadOptions {
  /** Ends the iteration when aborted. */
  readonly signal?: AbortSignal;
  /** Where to begin; default `now`, the moment of the call. */
  readonly from?: "now" | "beginning";
  /**
   * A name under which the broker remembers how far the reading has come, at least once: a
   * record counts as read when the loop comes back for the next ones. Begins at the beginning
   * the first time. Readers of one name share the records among them.
   */
  readonly group?: string;
}
