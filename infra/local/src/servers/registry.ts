import { mkdirSync, readdirSync } from "node:fs";
import { request, type RequestOptions } from "node:http";
import { delimiter, join } from "node:path";
import { committedFile } from "../directories.ts";
import type { JavaServerOptions } from "./kafka.ts";
import type { Account } from "./security.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";

const ANSWER_LIMIT_MS = 5000;

export interface RegistryOptions extends JavaServerOptions {
  readonly port: number;
  /** Not set: the registry accepts every local connection on its port. */
  readonly socket?: RegistrySocket;
}

/** A registry that listens on a Unix domain socket in a folder of its owner, and on no port. */
export interface RegistrySocket {
  readonly path: string;
  /** The folder with the libraries of Netty for such sockets, which the registry's download does not contain. */
  readonly libraries: string;
}

/**
 * Returns the program of Apicurio Registry. It stores schemas in an H2 file and not in Kafka, so both can
 * start at the same time.
 */
export function registryProgram(options: RegistryOptions): Program {
  const folder = join(options.dataDir, "registry");
  mkdirSync(folder, { recursive: true });
  const jar = readdirSync(options.home).find((name) => name.endsWith("-runner.jar")) ?? "";
  const runner = join(options.home, jar);
  const address = registryAddress(options.port);
  const { socket } = options;
  const settings = [
    `quarkus.config.locations=${committedFile("registry.properties")}`,
    // Without WRITE_DELAY=0, a kill within half a second after a registration loses the schema.
    `quarkus.datasource.jdbc.url=jdbc:h2:file:${join(folder, "schemas")};WRITE_DELAY=0`,
    ...(socket ? socketSettings(socket) : [`quarkus.http.port=${options.port}`]),
  ];
  return {
    name: "registry",
    command: options.java,
    args: [
      ...options.jvmArguments,
      ...settings.map((setting) => `-D${setting}`),
      ...(socket ? ["-cp", classPathOf(runner, socket), MAIN_CLASS] : ["-jar", runner]),
    ],
    environment: options.environment,
    address: socket ? "on a socket of its own" : address,
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: true,
    startAttempts: 2,
    isReady: () => isOwnRegistryReady(address, socket?.path),
  };
}

/** The registry fails without the client's address, which a socket does not have. */
export const socketHeaders = { "x-forwarded-for": "127.0.0.1:1" } as const;

/** The main class in the manifest of the registry's archive. */
const MAIN_CLASS = "io.quarkus.runner.GeneratedMain";

function socketSettings({ path }: RegistrySocket): readonly string[] {
  return [
    "quarkus.http.host-enabled=false",
    "quarkus.http.domain-socket-enabled=true",
    `quarkus.http.domain-socket=${path}`,
    "quarkus.vertx.prefer-native-transport=true",
    // Every request on the socket has the headers of `socketHeaders`.
    "quarkus.http.proxy.proxy-address-forwarding=true",
  ];
}

/** Begins with the archive, as `-jar` does, so that the archive of loaded classes fits. */
function classPathOf(runner: string, { libraries }: RegistrySocket): string {
  const jars = readdirSync(libraries).toSorted();
  return [runner, ...jars.map((jar) => join(libraries, jar))].join(delimiter);
}

export function registryAddress(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

/**
 * Sets the compatibility level of every subject that has none of its own. This registry starts with NONE,
 * and its configuration setting for the level has no effect. The registry is ready once it accepts this.
 */
function isOwnRegistryReady(address: string, socketPath: string | undefined): Promise<boolean> {
  return isAnswered(`${address}/config`, {
    method: "PUT",
    body: JSON.stringify({ compatibility: "FULL_TRANSITIVE" }),
    headers: { "content-type": "application/json", ...socketHeaders },
    socketPath,
  });
}

/** How a registry with accounts is asked: as one of them, or through the socket, which its owner can open. */
export interface RegistryLogin {
  readonly account?: Account;
  readonly socketPath?: string;
}

/** Returns whether a registry answers, or refuses a request without an account. Changes nothing in it. */
export function isRegistryReachable(
  address: string,
  { account, socketPath }: RegistryLogin = {},
): Promise<boolean> {
  const url = `${address.replace(/\/$/, "")}/subjects`;
  const headers = socketPath === undefined ? {} : socketHeaders;
  const auth = account && `${account.name}:${account.password}`;
  return isAnswered(url, { auth, socketPath, headers }, account ? [] : [401, 403]);
}

function isAnswered(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: string },
  alsoAccepted: readonly number[] = [],
): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const sent = request(url, { ...options, signal }, (answer) => {
      const { statusCode = 0 } = answer;
      const isAccepted = statusCode < 400 || alsoAccepted.includes(statusCode);
      answer.once("end", () => resolve(isAccepted)).once("error", () => resolve(false));
      answer.resume();
    });
    sent.once("error", () => resolve(false)).end(body);
  });
}
