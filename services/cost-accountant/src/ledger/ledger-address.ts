import { accessSync, constants } from "node:fs";

/** Files that the driver reads when it connects: said at start, they are one line instead of a crash. */
const files = ["sslrootcert", "sslcert", "sslkey"];
/** Ways past `sslmode` by which the driver would encrypt without verifying. */
const ways = ["ssl", "uselibpqcompat", "sslnegotiation"];

/**
 * What is wrong with the ledger's address, without showing it; undefined when nothing is. TLS is
 * verified whole, name and chain, or not used: a mode in between protects from nobody who can
 * answer in the server's place.
 */
export function ledgerAddressProblem(address: string): string | undefined {
  const url = URL.parse(address);
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) return "is no postgres:// address";
  const { searchParams } = url;
  const mode = searchParams.get("sslmode");
  if (mode !== null && mode !== "verify-full" && mode !== "disable")
    return `has sslmode=${mode}, which does not verify whom we talk to: set verify-full, or disable`;
  const way = ways.find((name) => searchParams.has(name));
  if (way !== undefined) return `has ${way}, which is not supported: sslmode says it all`;
  const named = files.filter((name) => searchParams.has(name));
  if (named.length > 0 && mode !== "verify-full")
    return `has ${named[0]}, which has no effect without sslmode=verify-full`;
  const unreadable = named.find((name) => !isReadable(searchParams.get(name) ?? ""));
  if (unreadable === undefined) return undefined;
  return `names a file as ${unreadable} that cannot be read, ${searchParams.get(unreadable)}`;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
