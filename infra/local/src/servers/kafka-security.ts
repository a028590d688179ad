import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ScramMechanism } from "./kafka-wire.ts";
import type { Account, KafkaAccounts, KafkaTls } from "./security.ts";

const modules = "org.apache.kafka.common.security";

/**
 * Returns the account with which the broker connects to itself, and with which the launcher creates the other
 * accounts. It is in the broker's settings only. Name and password are new at each start, so that no password that
 * another client stored while Kafka was open belongs to this name, which has every right.
 */
export function brokerAccount(): Account {
  return {
    name: `broker-${randomBytes(9).toString("hex")}`,
    password: randomBytes(18).toString("hex"),
  };
}

/** Returns the mechanisms for which each account has a password. */
export function scramMechanismsOf({ tls }: KafkaAccounts): readonly ScramMechanism[] {
  return tls ? ["SCRAM-SHA-256", "SCRAM-SHA-512"] : ["SCRAM-SHA-512"];
}

/** The listeners' ports, and their TLS and accounts if the stack has any. */
export interface ListenerOptions {
  readonly ports: { readonly kafka: number; readonly controller: number };
  /** A folder for the broker's own files. */
  readonly folder: string;
  readonly broker: Account;
  readonly accounts?: KafkaAccounts | undefined;
  /** Admits the broker's own account only, whatever passwords the storage contains. */
  readonly isClosed?: boolean | undefined;
}

/**
 * Returns the broker's listener settings: open on the loopback address, or with accounts and ACLs. The controller's
 * listener then requires the broker's own account.
 */
export function listenerSettings(options: ListenerOptions): readonly string[] {
  const { kafka, controller } = options.ports;
  const { tls } = options.accounts ?? {};
  // Kafka reads settings of a listener by its name also from its storage. No client could know this name while Kafka was
  // open, so none could store a login for it.
  const client = options.accounts
    ? `CLIENT${randomBytes(9).toString("hex").toUpperCase()}`
    : "CLIENT";
  const listeners = [
    `${client}://127.0.0.1:${kafka}`,
    ...(tls ? [`CERTIFICATE://127.0.0.1:${tls.certificatePort}`] : []),
  ];
  return [
    `listeners=${[...listeners, `CONTROLLER://127.0.0.1:${controller}`].join(",")}`,
    `advertised.listeners=${listeners.join(",")}`,
    `inter.broker.listener.name=${client}`,
    `controller.quorum.bootstrap.servers=127.0.0.1:${controller}`,
    ...(options.accounts
      ? securedSettings(options.accounts, client, options)
      : ["listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"]),
  ];
}

function securedSettings(
  accounts: KafkaAccounts,
  client: string,
  { broker, folder, isClosed = false }: ListenerOptions,
): readonly string[] {
  const { tls, admin } = accounts;
  const protocols = tls
    ? `${client}:SASL_SSL,CONTROLLER:SASL_PLAINTEXT,CERTIFICATE:SSL`
    : `${client}:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT`;
  const mechanisms = isClosed ? [] : scramMechanismsOf(accounts);
  const superUsers = isClosed ? [broker] : [broker, admin];
  return [
    `listener.security.protocol.map=${protocols}`,
    ...accountSettings(accounts, broker, client.toLowerCase(), mechanisms),
    ...(tls ? certificateSettings(tls, folder) : []),
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    `super.users=${superUsers.map(({ name }) => `User:${name}`).join(";")}`,
    "allow.everyone.if.no.acl.found=false",
  ];
}

function accountSettings(
  { admin, users, tls }: KafkaAccounts,
  broker: Account,
  listener: string,
  names: readonly ScramMechanism[],
): readonly string[] {
  const known = (those: readonly Account[]): string =>
    `${modules}.plain.PlainLoginModule required username="${broker.name}" password="${broker.password}" ${those.map(({ name, password }) => `user_${name}="${password}"`).join(" ")};`;
  const scram = names.map(
    (name) =>
      `listener.name.${listener}.${name.toLowerCase()}.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
  );
  return [
    `listener.name.${listener}.sasl.enabled.mechanisms=${["PLAIN", ...names].join(",")}`,
    "sasl.mechanism.inter.broker.protocol=PLAIN",
    // A controller that offers SCRAM would look up accounts before it has loaded any.
    "listener.name.controller.sasl.enabled.mechanisms=PLAIN",
    "sasl.mechanism.controller.protocol=PLAIN",
    `listener.name.${listener}.plain.sasl.jaas.config=${known(tls ? [broker, admin, ...users] : [broker])}`,
    `listener.name.controller.plain.sasl.jaas.config=${known([broker])}`,
    ...scram,
  ];
}

function certificateSettings(files: KafkaTls, folder: string): readonly string[] {
  const keystore = join(folder, "keystore.pem");
  const pem = [files.key, files.cert].map((file) => readFileSync(file, "utf8")).join("\n");
  writeFileSync(keystore, pem, { mode: 0o600 });
  return [
    "ssl.keystore.type=PEM",
    `ssl.keystore.location=${keystore}`,
    "ssl.truststore.type=PEM",
    `ssl.truststore.location=${files.ca}`,
    "listener.name.certificate.ssl.client.auth=required",
  ];
}
