import { extname, join } from "node:path";
import { StackFault } from "../faults.ts";
import { plainEnvironment, type Program, STOP_GRACE_MS } from "../supervise/program.ts";
import { isOwnListener } from "../servers/own-listener.ts";
import { isRegistryReachable, registryAddress } from "../servers/registry.ts";
import { registryAccountsOf } from "./registry-rights.ts";
import { ADMIN, type PartAccounts } from "./stack-accounts.ts";

/** The name of the program in front of a registry with accounts. */
export const REGISTRY_FRONT = "registry-front";

/** The longest path of a Unix domain socket on Linux and macOS, in bytes. */
const PATH_BYTES_MAX = 103;

/**
 * Returns the path of the registry's socket. Only the owner of the data directory can enter the folder.
 *
 * @throws StackFault `STACK_DIRECTORY_UNWRITABLE` if the path is too long for a socket
 */
export function registrySocketOf(dataDir: string): string {
  const path = join(dataDir, "registry", "socket");
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_BYTES_MAX) return path;
  throw new StackFault(
    "STACK_DIRECTORY_UNWRITABLE",
    `The registry with accounts listens on the socket ${path}, whose path has ${bytes} bytes. A socket's path has at most ${PATH_BYTES_MAX}. Give --data-dir a shorter path.`,
  );
}

/**
 * Returns whether the registry answers the administrator on its port. The question contains the password, so it is only
 * sent to a process of our own account.
 */
export async function isRegistryFrontReady(
  port: number,
  accounts: PartAccounts | null,
): Promise<boolean> {
  const account = accounts?.get(ADMIN);
  const login = account ? { account } : {};
  return isOwnListener(port) && isRegistryReachable(registryAddress(port), login);
}

/** Returns the program that listens on the registry's port and admits its accounts only. */
export function registryFrontProgram(
  port: number,
  socketPath: string,
  accounts: PartAccounts,
  environment: NodeJS.ProcessEnv,
): Program {
  const extension = extname(import.meta.filename);
  const address = registryAddress(port);
  const options = { port, socketPath, accounts: registryAccountsOf(accounts) };
  return {
    name: REGISTRY_FRONT,
    command: process.execPath,
    args: [join(import.meta.dirname, `registry-front-main${extension}`)],
    // Hashes of the passwords. Only the owner of a process can read its environment.
    environment: {
      ...plainEnvironment(environment),
      REGISTRY_FRONT_OPTIONS: JSON.stringify(options),
    },
    address: `${address} (with accounts)`,
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    // It runs Sluice's own code, which may be from before the last build.
    adoptable: false,
    startAttempts: 2,
    // Without an account, it answers 401.
    healthUrl: `${address}/subjects`,
    isReady: () => isRegistryFrontReady(port, accounts),
  };
}
