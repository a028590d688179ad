import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Account, StackSecurity } from "./security.ts";

const modules = "org.apache.kafka.common.security";
/** The account with which the broker connects to itself. */
const BROKER = "broker";

/** The listeners' ports, and their TLS and accounts if the stack has any. */
export interface ListenerOptions {
  readonly ports: { readonly kafka: number; readonly controller: number };
  /** A folder for the broker's own files. */
  readonly folder: string;
  readonly security?: StackSecurity | undefined;
}

/** Returns the broker's listener settings: plaintext on the loopback address, or SASL_SSL with accounts and ACLs. */
export function listenerSettings({ ports, folder, security }: ListenerOptions): readonly string[] {
  const { kafka, controller } = ports;
  const common = [
    `advertised.listeners=CLIENT://127.0.0.1:${kafka}${security ? `,CERTIFICATE://127.0.0.1:${security.kafka.certificatePort}` : ""}`,
    "inter.broker.listener.name=CLIENT",
    `controller.quorum.bootstrap.servers=127.0.0.1:${controller}`,
  ];
  const listeners = `listeners=CLIENT://127.0.0.1:${kafka},CONTROLLER://127.0.0.1:${controller}`;
  return security
    ? [
        `${listeners},CERTIFICATE://127.0.0.1:${security.kafka.certificatePort}`,
        "listener.security.protocol.map=CLIENT:SASL_SSL,CONTROLLER:SASL_PLAINTEXT,CERTIFICATE:SSL",
        ...common,
        ...accountSettings(security.kafka),
        ...certificateSettings(security.files, folder),
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        `super.users=User:${BROKER};User:${security.kafka.admin.name}`,
        "allow.everyone.if.no.acl.found=false",
      ]
    : [
        listeners,
        "listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ...common,
      ];
}

/**
 * Returns the arguments that create the SCRAM accounts when the storage is formatted. Later, creating an
 * account already needs an account.
 */
export function scramArguments(security: StackSecurity | undefined): readonly string[] {
  if (!security) return [];
  const { admin, users } = security.kafka;
  return [admin, ...users].flatMap(({ name, password }) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
}

function accountSettings({ admin, users }: StackSecurity["kafka"]): readonly string[] {
  const own: Account = { name: BROKER, password: randomBytes(18).toString("hex") };
  const known = (accounts: readonly Account[]): string =>
    `${modules}.plain.PlainLoginModule required username="${BROKER}" password="${own.password}" ${accounts.map(({ name, password }) => `user_${name}="${password}"`).join(" ")};`;
  const scram = ["scram-sha-256", "scram-sha-512"].map(
    (mechanism) =>
      `listener.name.client.${mechanism}.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
  );
  return [
    "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol=PLAIN",
    // A controller that offers SCRAM would look up accounts before it has loaded any.
    "listener.name.controller.sasl.enabled.mechanisms=PLAIN",
    "sasl.mechanism.controller.protocol=PLAIN",
    `listener.name.client.plain.sasl.jaas.config=${known([own, admin, ...users])}`,
    `listener.name.controller.plain.sasl.jaas.config=${known([own])}`,
    ...scram,
  ];
}

function certificateSettings(files: StackSecurity["files"], folder: string): readonly string[] {
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
