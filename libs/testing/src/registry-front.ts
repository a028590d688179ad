import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { KeyPair } from "./certificates.ts";

/** The accounts of the registry. All other requests get 401. */
export interface RegistryAccess {
  /** Passwords by user. */
  readonly users: ReadonlyMap<string, string>;
  readonly token: string;
  /** Users that may only read. Their writes get 403. */
  readonly readers: readonly string[];
}

/**
 * A proxy with TLS and accounts for the run's schema registry. That registry has no accounts without
 * an identity server. Registries that have accounts use the same headers as this proxy.
 */
export class RegistryFront {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, path: string) {
    this.#server = server;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  }

  /** Starts the proxy. @param target address of the registry */
  static async open(target: string, pair: KeyPair, access: RegistryAccess): Promise<RegistryFront> {
    const { origin, pathname } = new URL(target);
    const server = createServer({ cert: pair.cert, key: pair.key }, (incoming, response) => {
      const status = refusalOf(incoming, access);
      if (status === undefined) return pass(incoming, response, origin);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error_code: status, message: "no" }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new RegistryFront(server, pathname);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function refusalOf(
  { headers, method, url }: IncomingMessage,
  access: RegistryAccess,
): number | undefined {
  const [scheme, value = ""] = (headers.authorization ?? "").split(" ");
  if (scheme === "Bearer") return value === access.token ? undefined : 401;
  const [user = "", password] = Buffer.from(value, "base64").toString().split(":");
  if (scheme !== "Basic" || access.users.get(user) !== password) return 401;
  // POST also looks a schema up. Only a POST to the versions of a subject registers one.
  const writes = method === "PUT" || (method === "POST" && url?.endsWith("/versions"));
  return writes && access.readers.includes(user) ? 403 : undefined;
}

function pass(incoming: IncomingMessage, response: ServerResponse, origin: string): void {
  const { method, url = "/", headers } = incoming;
  const { authorization: _, host: _host, ...others } = headers;
  const passed = request(`${origin}${url}`, { method, headers: others }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.once("error", () => response.writeHead(502).end());
  incoming.pipe(passed);
}
