import net from "node:net";
import { StackFault } from "./faults.ts";

/** Everything of the stack that listens, in the order of design §10. */
export const defaultPorts = {
  http: 8080,
  kafka: 19092,
  controller: 19093,
  registry: 19094,
  redis: 19095,
  postgres: 19096,
  simulator: 19097,
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

/** What the map lacks has its default. */
export function portsFrom(chosen: ReadonlyMap<PortName, number>): Ports {
  const ports: Record<PortName, number> = { ...defaultPorts };
  for (const [name, port] of chosen) ports[name] = port;
  return ports;
}

const LOOPBACK = "127.0.0.1";
/**
 * Below where Linux (32768) and macOS (49152) begin to take ports for outgoing
 * connections: a client that reconnects to a stopped server's port in that range
 * can be given it as its own, and then the server cannot come back.
 */
const FREE_PORT_MIN = 20_000;
const FREE_PORT_MAX = 32_000;
const FREE_PORT_TRIES = 500;

/** `SLUICE_HTTP_PORT`, `SLUICE_INGRESS_ADMIN_PORT`, and so on. */
export function portVariableOf(name: PortName): string {
  return `SLUICE_${name.replaceAll("-", "_").toUpperCase()}_PORT`;
}

/**
 * What the environment says, else what this data directory used before (it keeps
 * its free ports), else the default.
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
    `${portVariableOf(name)} is "${text}", which is no port: set it to a number from 1 to 65535.`,
  );
}

/** As many different ports as asked for, on which nothing listens at this moment. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count && tries < FREE_PORT_TRIES; tries += 1) {
    const port = FREE_PORT_MIN + Math.floor(Math.random() * (FREE_PORT_MAX - FREE_PORT_MIN));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size === count) return [...found];
  throw new StackFault(
    "STACK_PORT_TAKEN",
    `Fewer than ${count} ports are free between ${FREE_PORT_MIN} and ${FREE_PORT_MAX}: stop what you do not need.`,
  );
}

export async function freePorts(): Promise<Ports> {
  const found = await findFreePorts(portNames.length);
  return portsFrom(new Map(portNames.map((name, index) => [name, found[index] ?? 0])));
}

/** Whether a server could listen there now. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port)) && !(await answers(LOOPBACK, port));
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

/** Some systems let a second server listen on a port that another holds on all addresses. */
export function answers(host: string, port: number, limitMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const finish = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    // A process that was busy hears of the time first, and of the connection right after.
    socket.setTimeout(limitMs, () => setImmediate(() => finish(false)));
    socket.once("connect", () => finish(socket.localPort !== port));
    socket.once("error", () => finish(false));
  });
}

export async function assertPortsFree(ports: Ports, names: readonly PortName[]): Promise<void> {
  const free = await Promise.all(names.map((name) => isFree(ports[name])));
  const taken = names.filter((_, index) => free[index] === false);
  if (taken.length === 0) return;
  const list = taken.map((name) => `${ports[name]} (${name}, ${portVariableOf(name)})`).join(", ");
  throw new StackFault(
    "STACK_PORT_TAKEN",
    `Something else already listens on port ${list}: stop it, set the variable to another port, or use --free-ports.`,
  );
}
