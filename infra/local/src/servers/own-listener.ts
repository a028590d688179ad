import { existsSync, readFileSync } from "node:fs";

/** Where Linux lists the sockets of TCP. Java listens on IPv6 also for an address of IPv4. */
const tables = ["/proc/net/tcp", "/proc/net/tcp6"];
const LISTENING = "0A";

/**
 * Returns whether the process that listens on the port runs under this process's account. Any account can listen on
 * the port of a server that is not running yet, so the launcher checks this before it sends a password in the clear. On
 * systems without these tables, it returns true.
 */
export function isOwnListener(port: number): boolean {
  const found = tables.filter((table) => existsSync(table));
  if (found.length === 0) return true;
  const owners = found.flatMap((table) => listenersIn(readFileSync(table, "utf8"), port));
  return owners.length > 0 && owners.every((uid) => uid === process.getuid?.());
}

/** Returns the user ids of all sockets that listen on the port, from a table of the form of `/proc/net/tcp`. Pure. */
export function listenersIn(table: string, port: number): readonly number[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , uid] = line.trim().split(/\s+/);
    return local.endsWith(suffix) && state === LISTENING ? [Number(uid)] : [];
  });
}
