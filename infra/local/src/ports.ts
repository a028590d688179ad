import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { cacheRootOf, makeWritable } from "./directories.ts";
import { errorCodeOf, StackFault } from "./faults.ts";
import { foreignListenerOf } from "./servers/own-listener.ts";

/** The default port of everything that listens in the stack. The admin ports have the order of `serviceNames`. */
export const defaultPorts = {
  http: 8080,
  kafka: 19092,
  controller: 19093,
  registry: 19094,
  redis: 19095,
  postgres: 19096,
  simulator: 19097,
  "cache-redis": 19098,
  "ingress-admin": 19100,
  "cache-lookup-admin": 19101,
  "classifier-admin": 19102,
  "dispatcher-admin": 19103,
  "inference-adapter-admin": 19104,
  "cost-accountant-admin": 19105,
} as const;

export type PortName = keyof typeof defaultPorts;
export type Ports = Readonly<Record<PortName, number>>;
export const portNames: readonly PortName[] = Object.keys(defaultPorts).filter(isPortName);

function isPortName(name: string): name is PortName {
  return name in defaultPorts;
}

/** Returns a full set of ports: those of the map, and the default for each port that is not in it. */
export function portsFrom(chosen: ReadonlyMap<PortName, number>): Ports {
  const ports: Record<PortName, number> = { ...defaultPorts };
  for (const [name, port] of chosen) ports[name] = port;
  return ports;
}

const LOOPBACK = "127.0.0.1";
/**
 * These ports are below the range that Linux (from 32768) and macOS (from 49152) use for outgoing
 * connections. A client that reconnects to the port of a stopped server in that range can be assigned
 * the same port as its own, and the server then cannot start again.
 */
const FREE_PORT_MIN = 20_000;
const FREE_PORT_MAX = 32_000;
const FREE_PORT_TRIES = 500;
/** A server listens on its port some seconds after the port was chosen, and on a busy machine up to a minute. */
const CLAIM_MS = 120_000;

/** Returns the environment variable of a port: `SLUICE_HTTP_PORT`, `SLUICE_INGRESS_ADMIN_PORT`, and so on. */
export function portVariableOf(name: PortName): string {
  return `SLUICE_${name.replaceAll("-", "_").toUpperCase()}_PORT`;
}

/**
 * Returns each port from the environment, else the port that this data directory used before (it keeps
 * its unused ports), else the default.
 */
export function configuredPorts(
  environment: NodeJS.ProcessEnv,
  kept: Partial<Ports> | undefined,
): Ports {
  const chosen = portNames.map(
    (name) =>
      [name, portFromEnvironment(environment, name) ?? kept?.[name] ?? defaultPorts[name]] as const,
  );
  return portsFrom(new Map(chosen));
}

export function portFromEnvironment(
  environment: NodeJS.ProcessEnv,
  name: PortName,
): number | undefined {
  const text = environment[portVariableOf(name)];
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackFault(
    "STACK_PORT_INVALID",
    `${portVariableOf(name)} is "${text}", which is not a port. Set it to a number from 1 to 65535.`,
  );
}

/**
 * Returns `count` different ports on which nothing listens at this moment, and which no other start of this account
 * has chosen within the last two minutes. Of two stacks that start at the same time, one would otherwise fail.
 *
 * @param claims the folder that has a file for each port that was chosen
 * @throws StackFault `STACK_PORT_TAKEN` if it does not find enough of them.
 */
export async function findFreePorts(
  count: number,
  claims = join(cacheRootOf(process.env), "ports"),
): Promise<number[]> {
  removeOldClaims(claims);
  const found = new Set<number>();
  for (let tries = 0; found.size < count && tries < FREE_PORT_TRIES; tries += 1) {
    const port = FREE_PORT_MIN + Math.floor(Math.random() * (FREE_PORT_MAX - FREE_PORT_MIN));
    if (!found.has(port) && (await isFree(port)) && claim(port, claims)) found.add(port);
  }
  if (found.size === count) return [...found];
  throw new StackFault(
    "STACK_PORT_TAKEN",
    `Fewer than ${count} unused ports were found between ${FREE_PORT_MIN} and ${FREE_PORT_MAX}. Stop servers that you do not need.`,
  );
}

function removeOldClaims(folder: string): void {
  try {
    for (const file of readdirSync(folder).map((name) => join(folder, name)))
      if (Date.now() - statSync(file).mtimeMs > CLAIM_MS) rmSync(file, { force: true });
  } catch {
    // There are no claims yet, or another start has removed them.
  }
}

/** Returns whether the port was not claimed before. An account that cannot write claims has none to respect. */
function claim(port: number, folder: string): boolean {
  try {
    makeWritable(folder, "set SLUICE_CACHE_DIR to a directory you can write to");
    writeFileSync(join(folder, String(port)), "", { flag: "wx" });
    return true;
  } catch (error) {
    return errorCodeOf(error) !== "EEXIST";
  }
}

/** Returns an unused port for everything that listens in the stack. */
export async function freePorts(): Promise<Ports> {
  const found = await findFreePorts(portNames.length);
  return portsFrom(new Map(portNames.map((name, index) => [name, found[index] ?? 0])));
}

/**
 * Returns whether a server could listen on the port now. It also connects to the port, because some
 * systems let a second server listen on a port that another server holds on all addresses.
 */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port)) && !(await isListening(LOOPBACK, port));
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

/** Returns whether a server accepts a connection within the limit. */
export function isListening(host: string, port: number, limitMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const finish = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    // A process that was busy runs the timer before it handles a connection that was ready earlier.
    socket.setTimeout(limitMs, () => setImmediate(() => finish(false)));
    socket.once("connect", () => finish(socket.localPort !== port));
    socket.once("error", () => finish(false));
  });
}

/** @throws StackFault `STACK_PORT_TAKEN` that names every port that is in use and its variable. */
export async function assertPortsFree(ports: Ports, names: readonly PortName[]): Promise<void> {
  const free = await Promise.all(names.map((name) => isFree(ports[name])));
  const taken = names.filter((_, index) => free[index] === false);
  if (taken.length === 0) return;
  const list = taken.map((name) => takenPort(name, ports[name])).join(", ");
  throw new StackFault(
    "STACK_PORT_TAKEN",
    `Another process already listens on port ${list}. Stop that process, set the variable to another port, or use --free-ports.`,
  );
}

/** Returns a port that is in use, its variable, and the other account of the machine that listens there. */
function takenPort(name: PortName, port: number): string {
  const uid = foreignListenerOf(port);
  const owner = uid === undefined ? "" : `, held by the account with the user id ${uid}`;
  return `${port} (${name}, ${portVariableOf(name)}${owner})`;
}
