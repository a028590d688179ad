/** Receives one line of progress for people to read, for example `kafka`, `ready after 2.1 s`. */
export type Report = (name: string, text: string) => void;

/** How long most processes may take to exit after their stop signal. */
export const STOP_GRACE_MS = 4_000;

/** A program that the supervisor keeps running. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. The program inherits nothing from the launcher. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its address, as shown to people. */
  readonly address: string;
  /** The user that runs the program. PostgreSQL refuses to run as root. */
  readonly runAs?: UserIds;
  readonly stopSignal: NodeJS.Signals;
  /** How long the process may take to exit after its stop signal, in milliseconds. After that it is killed. */
  readonly stopGraceMs: number;
  /**
   * Whether the next launcher keeps the process of a killed launcher if it still answers. True for a server
   * whose restart takes seconds. False for a service, which may run code from before the last build.
   */
  readonly adoptable: boolean;
  /** How often it may exit before it is ready for the first time. After that, the whole start fails. */
  readonly startAttempts: number;
  /**
   * The address that a running process answers, whether it is ready or not. The supervisor restarts a process that
   * does not answer it. Without an address, it is not checked.
   */
  readonly healthUrl?: string;
  /** Returns whether the program does its work. The supervisor polls this, because an open port is not enough. */
  isReady(): Promise<boolean>;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const passedThrough =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|JAVA_HOME|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|SSL_CERT_FILE|SSL_CERT_DIR|(HTTPS?|ALL|NO)_PROXY|OTEL_.*)$/i;

/**
 * Returns the variables that every program may receive, such as PATH and proxies. They contain none of the
 * user's secrets.
 */
export function plainEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  return definedEntries(environment, (name) => passedThrough.test(name));
}

/** Returns the variables that are set and whose name is wanted. */
export function definedEntries(
  environment: NodeJS.ProcessEnv,
  isWanted: (name: string) => boolean,
): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isWanted(entry[0]),
  );
  return Object.fromEntries(entries);
}

/** Returns the time since `startMs` (epoch milliseconds) as text, for example `2.1 s`. */
export function secondsSince(startMs: number): string {
  return `${((Date.now() - startMs) / 1000).toFixed(1)} s`;
}
