import net from "node:net";
import tls, { type ConnectionOptions } from "node:tls";
import { connectionTroubleOf } from "@sluice/domain";
import kafkajs from "kafkajs";
import { assertClientVersion } from "./client-version.ts";
import { decodeFetchesHere } from "./records/fetch-decoding.ts";
import { quietenIdleConnections } from "./idle-connections.ts";
import type { StageLogger } from "../core/logger.ts";
import { zstdCodec } from "./records/zstd.ts";

/** Where the broker is and who we are to it. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  /** Put before every topic and group name; may be empty. */
  readonly topicPrefix: string;
  readonly clientId: string;
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
  readonly tls?: boolean | ConnectionOptions;
  /** How long to wait for a connection, in milliseconds; default 2,000. */
  readonly connectTimeoutMs?: number;
  /** Opens the sockets; tests cut the line here. */
  readonly openSocket?: (host: string, port: number) => net.Socket;
}

/** A broken attempt is repeated by the client this often before it is said to have failed. */
export interface ClientRetry {
  readonly retries: number;
  readonly initialRetryTime: number;
  readonly maxRetryTime: number;
}

/**
 * Explicit, because the client's documented defaults are not what it does. A
 * consumer that gives up is started again by the client itself; the longest
 * pause stays below the patience of the watchdog.
 */
export const defaultClientRetry: ClientRetry = {
  retries: 8,
  initialRetryTime: 100,
  maxRetryTime: 3_000,
};

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

/**
 * Lines that kafkajs writes as WARN or ERROR though nothing is wrong: an
 * explicit retry, a cold broker still electing coordinators, a topic that
 * already exists, a rebalance.
 */
const ordinary = [
  /Limiting retries for the idempotent producer/,
  /The group is rebalancing, re-joining/,
  /The coordinator is not aware of this member/,
  /coordinator is loading|GROUP_LOAD_IN_PROGRESS|group coordinator is not available/i,
  /Topic with this name already exists|Topic creation errors/,
  /Response (CreateTopics|GroupCoordinator|FindCoordinator|InitProducerId|Heartbeat|JoinGroup|SyncGroup|OffsetCommit)/,
];

/**
 * The only place where a client is made. Not exported from the package: its types stay inside.
 *
 * @throws Defect `STAGE_KAFKAJS_UNSUPPORTED` if another version of kafkajs is installed
 */
export function kafkaClientOf(
  connection: KafkaConnection,
  logger: StageLogger,
  retry: ClientRetry,
): kafkajs.Kafka {
  assertClientVersion();
  quietenIdleConnections();
  decodeFetchesHere();
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstdCodec;
  const { sasl, openSocket } = connection;
  return new Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    connectionTimeout: connection.connectTimeoutMs ?? 2_000,
    authenticationTimeout: 10_000,
    requestTimeout: 15_000,
    enforceRequestTimeout: true,
    retry: { ...retry },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => writeLog(logger, entry),
    ...(connection.tls ? { ssl: connection.tls } : {}),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the union is discriminated by the mechanism
    ...(sasl ? { sasl: { ...sasl } as kafkajs.SASLOptions } : {}),
    ...(openSocket ? { socketFactory: (wanted) => socketOf(openSocket, wanted) } : {}),
  });
}

function socketOf(
  open: (host: string, port: number) => net.Socket,
  wanted: kafkajs.ISocketFactoryArgs,
): net.Socket {
  const plain = open(wanted.host, wanted.port);
  if (!wanted.ssl) return plain.once("connect", wanted.onConnect);
  // Without a host the certificate would be held against "localhost".
  return tls.connect({ host: wanted.host, ...wanted.ssl, socket: plain }, wanted.onConnect);
}

/** Info becomes debug: a healthy consumer logs nothing per rebalance, pause or resume. */
function writeLog(logger: StageLogger, { level, namespace, log }: kafkajs.LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, ...fields } = log;
  const text = `kafka client: ${message}`;
  const isOrdinary = ordinary.some((pattern) => pattern.test(message));
  if (isOrdinary || level > logLevel.WARN) return logger.debug({ namespace, ...fields }, text);
  // The client retries these itself; what it gives up on reaches us as an exception.
  const reason = connectionTroubleOf(new Error(message));
  return logger.warn({ namespace, ...(reason ? { reason } : {}), ...fields }, text);
}

export function prefixed(connection: Pick<KafkaConnection, "topicPrefix">, name: string): string {
  return `${connection.topicPrefix}${name}`;
}

/** `<prefix>sluice.<service>[.<role>]`. */
export function groupIdOf(
  connection: Pick<KafkaConnection, "topicPrefix">,
  service: string,
): string {
  return `${connection.topicPrefix}sluice.${service}`;
}
