import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Readiness } from "./readiness.ts";

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export type AdminRoute = (query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>;

/**
 * Health, readiness and metrics of one service, on a port of its own, so that
 * load on the public port cannot hide them and nobody outside reads them.
 */
export class AdminServer {
  readonly #routes = new Map<string, AdminRoute>();
  readonly #server: Server;

  constructor(readiness: Readiness, metrics: Registry) {
    this.route("/healthz", () => json(200, { alive: true }));
    this.route("/readyz", async () => {
      const state = await readiness.check();
      return json(state.ready ? 200 : 503, state);
    });
    this.route("/metrics", async () => ({
      status: 200,
      contentType: metrics.contentType,
      body: await metrics.metrics(),
    }));
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Adds a GET route; a service's own, such as the accountant's `/costs`. */
  route(path: string, handler: AdminRoute): void {
    this.#routes.set(path, handler);
  }

  /** @returns the port, which is chosen by the system when 0 is asked for. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, resolve);
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, contentType, body } = await this.#handle(request).catch((error: unknown) =>
      json(500, { error: error instanceof Error ? error.message : "unknown" }),
    );
    response.writeHead(status, { "content-type": contentType }).end(body);
  }

  async #handle({ method, url }: IncomingMessage): Promise<AdminAnswer> {
    const { pathname, searchParams } = new URL(url ?? "/", "http://admin");
    const route = this.#routes.get(pathname);
    if (!route) return json(404, { error: `There is no ${pathname} here.` });
    if (method !== "GET") return json(405, { error: "Only GET is answered here." });
    return route(searchParams);
  }
}

/** A JSON answer; longs must have become strings before. */
export function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}
