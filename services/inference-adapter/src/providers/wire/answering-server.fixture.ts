import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, SystemClock } from "@sluice/domain";
import { OpenAiProvider } from "../openai/openai-provider.ts";
import type { Provider } from "../provider.ts";
import type { ProviderTimeouts } from "./answer-exchange.ts";
import type { ProviderEndpoint } from "./provider-endpoints.ts";

let server: Server | undefined;
let provider: Provider | undefined;

/** The adapter of a protocol. */
type Adapter = new (
  endpoints: readonly ProviderEndpoint[],
  timeouts: ProviderTimeouts,
  clock: Clock,
) => Provider;

/** Starts a server that answers each call in this way, and returns a provider that calls it. */
export async function serve(
  listener: RequestListener,
  changes: Partial<ProviderTimeouts & ProviderEndpoint> = {},
  Protocol: Adapter = OpenAiProvider,
): Promise<Provider> {
  await stopServing();
  // Longer than the test, and announced to clients, so that it is never the server that closes first.
  server = createServer({ keepAliveTimeout: 60_000 }, listener);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const endpoint = { id: "acme-ai", baseUrl, keys: ["sk-test"], ...changes };
  const timeouts = { connectMs: 2_000, silenceMs: 2_000, beginMs: 2_000, ...changes };
  provider = new Protocol([endpoint], timeouts, new SystemClock());
  return provider;
}

export async function stopServing(): Promise<void> {
  provider?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  provider = undefined;
}

/** Returns how many connections the server has. */
export async function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    if (!server) return resolve(0);
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

export function json(body: unknown, status = 200): RequestListener {
  return (_, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
}

/** Answers with a stream of these events, and its end. */
export function events(...chunks: readonly unknown[]): RequestListener {
  return (_, response) => {
    begin(response, chunks);
    response.end("data: [DONE]\n\n");
  };
}

/** Answers with a stream of these events, and then breaks the connection. */
export function brokenAfter(...chunks: readonly unknown[]): RequestListener {
  return (_, response) => {
    begin(response, chunks);
    setTimeout(() => response.destroy(), 30);
  };
}

function begin(response: ServerResponse, chunks: readonly unknown[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}
