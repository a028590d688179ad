import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Injectable } from "@nestjs/common";
import { Registry } from "prom-client";
import { isOwnHost } from "./admin-host.ts";
import { Readiness } from "./readiness.ts";

interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers a GET request, or names the listener that does. */
type AdminRoute = () => RequestListener | AdminAnswer | Promise<AdminAnswer>;

/**
 * Serves health, readiness and metrics of one service on a port of its own, so that load on the
 * public port cannot hide them and clients cannot read them.
 */
@Injectable()
export class AdminServer {
  readonly #routes = new Map<string, AdminRoute>();
  readonly #server: Server;
  #names: readonly string[] = [];

  constructor(readiness: Readiness, metrics: Registry) {
    this.#routes.set("/healthz", () => json(200, { alive: true }));
    this.#routes.set("/readyz", async () => {
      const state = await readiness.check();
      return json(state.ready ? 200 : 503, state);
    });
    this.#routes.set("/metrics", async () => ({
      status: 200,
      contentType: metrics.contentType,
      body: await metrics.metrics(),
    }));
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /**
   * Passes GET requests for `path` to a listener, such as the HTTP adapter of a Nest application
   * that opens no port itself.
   */
  forward(path: string, listener: RequestListener): void {
    this.#routes.set(path, () => listener);
  }

  /**
   * @param port 0 lets the system choose
   * @param names the host names of this port, in addition to its addresses
   */
  async listen(port: number, host: string, names: readonly string[] = []): Promise<void> {
    this.#names = names;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, resolve);
    });
  }

  /** The port on which the server listens. */
  get port(): number {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerTo(request).catch((error: unknown) =>
      json(500, { error: error instanceof Error ? error.message : "unknown" }),
    );
    if (typeof answer === "function") return answer(request, response);
    const { status, contentType, body } = answer;
    response.writeHead(status, { "content-type": contentType }).end(body);
  }

  async #answerTo(request: IncomingMessage): Promise<RequestListener | AdminAnswer> {
    const { host } = request.headers;
    if (hostsIn(request) > 1) return json(400, { error: "Send one Host header." });
    if (!isOwnHost(host, this.#names))
      return json(421, {
        error: `The host ${JSON.stringify(host)} is not a name of this port. Use its address, or declare the name in SLUICE_ADMIN_NAMES.`,
      });
    const url = URL.parse(request.url ?? "/", "http://admin");
    if (!url) return json(400, { error: "The path is not valid." });
    const { pathname, search } = url;
    // A listener matches the path again, and must see the one that was matched here.
    request.url = `${pathname}${search}`;
    const route = this.#routes.get(pathname);
    if (!route) return json(404, { error: `There is no ${pathname} here.` });
    if (request.method !== "GET") return json(405, { error: "Only GET is answered here." });
    return route();
  }
}

function hostsIn({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host")
    .length;
}

function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}
