import { existsSync, readFileSync } from "node:fs";

/** Where Linux lists the sockets of TCP. Java listens on IPv6 also for an address of IPv4. */
const files = ["/proc/net/tcp", "/proc/net/tcp6"];
const LISTENING = "0A";
/** 127.0.0.1 in the two tables, and the wildcard addresses. Words of 4 bytes are in the machine's order. */
const loopback = new Set(["0100007F", "0000000000000000FFFF00000100007F"]);
const every = new Set(["0".repeat(8), "0".repeat(32)]);

/**
 * Returns whether the process that listens on the port of 127.0.0.1 runs under this process's account. Any account can
 * listen on the port of a server that is not running yet, so the launcher checks this before it sends a password. On
 * systems without these tables, it returns true.
 */
export function isOwnListener(port: number): boolean {
  const owners = listenersOn(port);
  if (!owners) return true;
  return owners.length > 0 && owners.every((uid) => uid === process.getuid?.());
}

/** Returns the user id of another account that listens on the port, or undefined if none is known to do so. */
export function foreignListenerOf(port: number): number | undefined {
  return listenersOn(port)?.find((uid) => uid !== process.getuid?.());
}

function listenersOn(port: number): readonly number[] | undefined {
  const found = files.filter((file) => existsSync(file));
  if (found.length === 0) return undefined;
  return listenersIn(found.map((file) => readFileSync(file, "utf8")).join("\n"), port);
}

/**
 * Returns the user ids of the sockets that receive the connections to the port of 127.0.0.1, from a table of the form of
 * `/proc/net/tcp`. A socket for all addresses receives them only if none is for this one. Pure.
 */
export function listenersIn(table: string, port: number): readonly number[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const listeners = table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , uid] = line.trim().split(/\s+/);
    const [address = "", localPort] = local.split(":");
    return localPort === wanted && state === LISTENING ? [{ address, uid: Number(uid) }] : [];
  });
  const ofAny = (addresses: ReadonlySet<string>): readonly number[] =>
    listeners.filter(({ address }) => addresses.has(address)).map(({ uid }) => uid);
  const exact = ofAny(loopback);
  return exact.length > 0 ? exact : ofAny(every);
}
