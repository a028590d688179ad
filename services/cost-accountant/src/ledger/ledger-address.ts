import { accessSync, constants } from "node:fs";

/**
 * Parameters that name a file, which the driver reads when it connects. Checked at start, a missing
 * file is one line instead of a crash.
 */
const fileParameters = ["sslrootcert", "sslcert", "sslkey"];
/** Parameters next to `sslmode` with which the driver would encrypt without verifying the server. */
const refusedParameters = ["ssl", "uselibpqcompat", "sslnegotiation"];

/**
 * Returns what is wrong with the address of the ledger, or undefined. The text does not contain the
 * address, which includes a password. TLS has to verify the server's name and chain, or must not be
 * used: any other mode does not protect against a program that answers in place of the server.
 */
export function ledgerAddressProblem(address: string): string | undefined {
  const url = URL.parse(address);
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) return "is not a postgres:// address";
  const { searchParams } = url;
  const mode = searchParams.get("sslmode");
  if (mode !== null && mode !== "verify-full" && mode !== "disable")
    return `has sslmode=${mode}, which does not verify the server: set verify-full or disable`;
  const refused = refusedParameters.find((name) => searchParams.has(name));
  if (refused !== undefined) return `has ${refused}, which is not supported: use sslmode alone`;
  const named = fileParameters.filter((name) => searchParams.has(name));
  if (named.length > 0 && mode !== "verify-full")
    return `has ${named[0]}, which has no effect without sslmode=verify-full`;
  const unreadable = named.find((name) => !isReadable(searchParams.get(name) ?? ""));
  if (unreadable === undefined) return undefined;
  return `has ${unreadable}, whose file cannot be read: ${searchParams.get(unreadable)}`;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
