import { isIP } from "node:net";

/**
 * Returns whether the `Host` of a request names this server: an address, `localhost` or a declared name. A page in
 * an operator's browser can let its own name point to the admin port, and the browser then sends that name. A
 * request without `Host` does not come from a browser.
 *
 * @param names in lower case
 */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined) return true;
  const name = hostnameIn(host);
  return isIP(name) !== 0 || name === "localhost" || names.includes(name);
}

/** Returns the name or address without port and brackets, in lower case. */
function hostnameIn(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain ?? "").toLowerCase();
}

/** Returns the names in a list that is separated by commas. */
export function hostNamesIn(list: string): readonly string[] {
  return list
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}
