import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { socketHeaders } from "../servers/registry.ts";
import { admit, type RegistryAccount } from "./registry-rights.ts";

export interface RegistryFrontOptions {
  readonly port: number;
  /** The registry's Unix domain socket. */
  readonly socketPath: string;
  readonly accounts: readonly RegistryAccount[];
}

const CONNECTIONS_MAX = 512;
const BACKEND_LIMIT_MS = 30_000;
/** The only headers of a request that reach the registry. It might read rights or another method from other ones. */
const passedHeaders = ["accept", "content-type", "content-length", "transfer-encoding"] as const;
/** The headers of an answer that belong to one connection. */
const ownHeaders = new Set(["connection", "keep-alive", "transfer-encoding"]);

/**
 * Listens on the registry's port, and passes the requests of its accounts on to the registry's socket. The registry has
 * accounts only together with an identity server.
 */
export async function openRegistryFront(options: RegistryFrontOptions): Promise<Server> {
  const { port, socketPath, accounts } = options;
  const server = createServer((incoming, response) => {
    const { method = "", url = "", headers } = incoming;
    const { authorization } = headers;
    const admission = admit({ method, target: url, authorization }, accounts);
    if (admission.kind === "pass") return passOn(incoming, response, socketPath);
    refuse(response, admission.status, admission.reason);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}

/** Answers as the registry does. Closes the connection, so that nothing of the request's body is read. */
function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, {
    "content-type": "application/json",
    connection: "close",
    ...(status === 401 ? { "www-authenticate": 'Basic realm="sluice"' } : {}),
  });
  response.end(JSON.stringify({ error_code: status, message }));
}

function passOn(incoming: IncomingMessage, response: ServerResponse, socketPath: string): void {
  const { method, url: path } = incoming;
  const headers = { ...headersFor(incoming), host: "registry" };
  const passed = request({ socketPath, method, path, headers }, (answer) => {
    const kept = Object.entries(answer.headers).filter(([name]) => !ownHeaders.has(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
    answer.pipe(response);
    answer.once("error", () => response.destroy());
  });
  passed.setTimeout(BACKEND_LIMIT_MS, () => passed.destroy(new Error("The registry is silent.")));
  passed.once("error", () => {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, "The registry does not answer.");
  });
  response.once("close", () => passed.destroy());
  incoming.pipe(passed);
}

function headersFor({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const given = passedHeaders.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(given), ...socketHeaders };
}
