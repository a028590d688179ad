import type { Candidate } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import type { ProviderCall } from "../provider.ts";
import type { CalledModel } from "./answer-exchange.ts";
import { type CallInit, ProviderConnections } from "./provider-fetch.ts";
import { refusedUnlessOk } from "./provider-refusal.ts";

/** What is declared of a model, as its provider serves it. */
export interface ServedModel {
  /** The time until an answer begins, in milliseconds; null for that of all models. */
  readonly beginMs: number | null;
  readonly dialect: Dialect;
}

export interface ProviderEndpoint {
  readonly id: string;
  readonly baseUrl: string;
  /** The secrets themselves. */
  readonly keys: readonly string[];
  /** What its models have of their own, by the provider's name of the model. */
  readonly models?: ReadonlyMap<string, ServedModel>;
}

/** A provider, and its name of a model. */
export type ServedBy = Pick<Candidate, "provider" | "model">;

/** What a vendor's client calls instead of the platform's `fetch`. */
export type ProviderFetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Makes a client for an address and a key. */
type ClientOf<Client> = (baseUrl: string, key: string, fetch: ProviderFetch) => Client;

/**
 * A vendor's own time-out must never expire first, because its client does not know whether the request
 * was sent.
 */
export const clientTimeoutMs = 24 * 60 * 60 * 1_000;

/** The clients of one provider key: one with the limits of a stream, one with those of a whole answer. */
interface KeyClients<Client> {
  readonly streamed: Client;
  readonly whole: Client;
}

/** The declared providers of a protocol, with a client for each of their keys. */
export class ProviderEndpoints<Client> {
  readonly #endpoints: ReadonlyMap<string, ProviderEndpoint>;
  readonly #clients: ReadonlyMap<string, readonly KeyClients<Client>[]>;
  readonly #connections: readonly ProviderConnections[];

  constructor(
    endpoints: readonly ProviderEndpoint[],
    connectMs: number,
    clientOf: ClientOf<Client>,
  ) {
    const forStreams = new ProviderConnections(connectMs, "events");
    const forWholes = new ProviderConnections(connectMs, "whole");
    this.#connections = [forStreams, forWholes];
    this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.#clients = new Map(
      endpoints.map(({ id, baseUrl, keys }) => [
        id,
        keys.map((key) => ({
          streamed: clientOf(baseUrl, key, fetchOver(forStreams)),
          whole: clientOf(baseUrl, key, fetchOver(forWholes)),
        })),
      ]),
    );
  }

  /** Returns the client for a call; undefined if its provider or key is not declared. */
  clientFor({ provider, keyIndex, stream }: ProviderCall): Client | undefined {
    return this.#clients.get(provider)?.[keyIndex]?.[stream ? "streamed" : "whole"];
  }

  modelOf({ provider, model }: ProviderCall): CalledModel {
    const endpoint = this.#endpoints.get(provider);
    const beginMs = endpoint?.models?.get(model)?.beginMs ?? null;
    return { beginMs, secrets: endpoint?.keys ?? [] };
  }

  dialectOf({ provider, model }: ServedBy): Dialect | undefined {
    return this.#endpoints.get(provider)?.models?.get(model)?.dialect;
  }

  /** Ends the running calls and closes the connections. */
  close(): void {
    for (const connections of this.#connections) connections.close();
  }
}

function fetchOver(connections: ProviderConnections): ProviderFetch {
  return async (url, init: CallInit = {}) =>
    refusedUnlessOk(await connections.fetch(url, init), init.heard);
}
