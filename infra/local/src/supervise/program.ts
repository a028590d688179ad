/** Where what happens is said: one line, `kafka`, `ready after 2.1 s`. */
export type Report = (name: string, text: string) => void;

/** What the supervisor keeps running. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where it answers, as shown to people. */
  readonly address: string;
  /** PostgreSQL refuses to run as root. */
  readonly runAs?: UserIds;
  readonly stopSignal: NodeJS.Signals;
  /**
   * Whether an orphan of a killed launcher is kept when it still answers. True where a
   * restart costs seconds; false where the orphan may run code that was built anew since.
   */
  readonly adoptable: boolean;
  /** How often it may end before it was ever ready, until the whole start is given up. */
  readonly startAttempts: number;
  /** Whether it does its work, asked again and again: an open port is not enough. */
  isReady(): Promise<boolean>;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const passedOn =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|JAVA_HOME|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|SSL_CERT_FILE|SSL_CERT_DIR|(HTTPS?|ALL|NO)_PROXY|OTEL_.*)$/i;

/** What any program may know of its surroundings: no secrets of the user. */
export function plainEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  return definedEntries(environment, (name) => passedOn.test(name));
}

export function definedEntries(
  environment: NodeJS.ProcessEnv,
  isWanted: (name: string) => boolean,
): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isWanted(entry[0]),
  );
  return Object.fromEntries(entries);
}

export function secondsSince(startMs: number): string {
  return `${((Date.now() - startMs) / 1000).toFixed(1)} s`;
}
