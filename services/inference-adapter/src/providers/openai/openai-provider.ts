import type { Clock } from "@sluice/domain";
import OpenAI, { APIError } from "openai";
import type { Stream } from "openai/streaming";
import { AnswerAssembly } from "./answer-assembly.ts";
import { answerBytesMax } from "./answer-limit.ts";
import { embeddingEndOf } from "./embedding-end.ts";
import type { LossCode, RefusalCode } from "../../decide/failure.ts";
import { type Chunk, Provider, type ProviderCall, type ProviderEnd } from "../provider.ts";
import { type CallTimeouts, ProviderConnections, WireFault } from "./provider-fetch.ts";
import { retryAfterMsOf } from "./retry-after.ts";
import { hasSubstance, readCompletion } from "./wire-completion.ts";

export interface ProviderEndpoint {
  readonly id: string;
  readonly baseUrl: string;
  /** The secrets themselves. */
  readonly keys: readonly string[];
}

/** The time limits of a connection, and one for answers that are not streamed. */
export interface ProviderTimeouts extends CallTimeouts {
  /**
   * The time until the first byte of an answer that is not streamed. Providers send that byte when
   * the last token is made, so a silence before it does not mean that the call hangs.
   */
  readonly wholeMs: number;
}

/**
 * The clients of one provider key: one with the limits of a stream, one with those of a whole
 * answer.
 */
interface KeyClients {
  readonly streamed: OpenAI;
  readonly whole: OpenAI;
}

/**
 * The client's own time-out must never expire first, because it does not know whether the request
 * was sent.
 */
const clientTimeoutMs = 24 * 60 * 60 * 1_000;

/** Calls any provider that implements OpenAI's chat completions or embeddings. */
export class OpenAiProvider extends Provider {
  readonly #clients: ReadonlyMap<string, readonly KeyClients[]>;
  readonly #connections: readonly ProviderConnections[];
  readonly #clock: Clock;

  constructor(endpoints: readonly ProviderEndpoint[], timeouts: ProviderTimeouts, clock: Clock) {
    super();
    const forStreams = new ProviderConnections(timeouts, "events");
    const wholeTimeouts = { ...timeouts, silenceMs: timeouts.wholeMs };
    const forWholes = new ProviderConnections(wholeTimeouts, "whole");
    this.#connections = [forStreams, forWholes];
    this.#clock = clock;
    this.#clients = new Map(
      endpoints.map(({ id, baseUrl, keys }) => [
        id,
        keys.map((apiKey) => ({
          streamed: clientOf(baseUrl, apiKey, forStreams),
          whole: clientOf(baseUrl, apiKey, forWholes),
        })),
      ]),
    );
  }

  override async call(call: ProviderCall, onChunk: (chunk: Chunk) => void): Promise<ProviderEnd> {
    const clients = this.#clients.get(call.provider)?.[call.keyIndex];
    if (!clients) return refused("unreachable");
    if (call.operation === "embeddings") return this.#embed(clients.whole, call);
    const assembly = new AnswerAssembly();
    const streamed = call.body["stream"] === true;
    try {
      await (streamed
        ? stream(clients.streamed, call, assembly, onChunk)
        : complete(clients.whole, call, assembly));
    } catch (error) {
      if (!assembly.isComplete(call.answers)) return this.#endOf(error, call, assembly);
    }
    const now = this.#clock.now();
    // The client's stream ends without an error when it is aborted, as if the response were complete.
    if (call.signal.aborted && !assembly.isComplete(call.answers))
      return lostOrCut("aborted", assembly, now);
    // The response is complete here. Some providers ignore `n`, and some give a whole answer no finish
    // reason, but what they returned is billed in full.
    if (streamed ? assembly.hasEnded : assembly.hasBegun)
      return { kind: "answered", answer: assembly.answer(now), usage: assembly.usage };
    return lostOrCut("connection_lost", assembly, now);
  }

  override close(): void {
    for (const connections of this.#connections) connections.close();
  }

  async #embed(client: OpenAI, call: ProviderCall): Promise<ProviderEnd> {
    try {
      const wire = await client.post<unknown>("/embeddings", optionsOf(call));
      const requested = { count: call.answers, dimensions: call.body["dimensions"] };
      return embeddingEndOf(wire, requested, this.#clock.now());
    } catch (error) {
      return this.#endOf(error, call, new AnswerAssembly());
    }
  }

  #endOf(error: unknown, { signal }: ProviderCall, assembly: AnswerAssembly): ProviderEnd {
    const now = this.#clock.now();
    if (signal.aborted) return lostOrCut("aborted", assembly, now);
    if (error instanceof APIError && error.status !== undefined)
      return refused(refusalOf(error.status, error.code), error.status, retryAfterOf(error, now));
    const wire = wireFaultOf(error);
    if (wire?.code === "unreachable") return refused("unreachable");
    return lostOrCut(wire?.code ?? "connection_lost", assembly, now);
  }
}

function clientOf(baseURL: string, apiKey: string, connections: ProviderConnections): OpenAI {
  return new OpenAI({
    baseURL,
    apiKey,
    maxRetries: 0,
    timeout: clientTimeoutMs,
    fetch: connections.fetch,
    logLevel: "off",
    organization: null,
    project: null,
  });
}

async function stream(
  client: OpenAI,
  call: ProviderCall,
  assembly: AnswerAssembly,
  onChunk: (chunk: Chunk) => void,
): Promise<void> {
  const options = { ...optionsOf(call), stream: true };
  const chunks = await client.post<Stream<unknown>>("/chat/completions", options);
  let kept = 0;
  for await (const wire of chunks) {
    const chunk = readCompletion(wire);
    assembly.add(chunk);
    if (chunk.choices.length === 0) continue;
    const choices = chunk.choices.map(({ forwarded }) => forwarded);
    kept += JSON.stringify(choices).length;
    if (kept > answerBytesMax) throw new WireFault("answer_too_long");
    const { systemFingerprint } = chunk;
    onChunk({ systemFingerprint, choices, hasSubstance: hasSubstance(chunk.choices) });
  }
}

async function complete(
  client: OpenAI,
  call: ProviderCall,
  assembly: AnswerAssembly,
): Promise<void> {
  // Explicit, because a provider may stream by default.
  const options = { ...optionsOf(call), body: { ...call.body, stream: false } };
  assembly.add(readCompletion(await client.post<unknown>("/chat/completions", options)));
}

/**
 * Returns the options of a call through the client's untyped `post`. Ingress has checked the names
 * of the parameters, and only the provider can judge their values, so the client's own types for a
 * body do not apply.
 */
function optionsOf({ attemptId, trace, signal, body }: ProviderCall): OpenAI.RequestOptions {
  return { body, signal, headers: { "x-client-request-id": attemptId, ...trace } };
}

function refused(
  code: RefusalCode,
  status: number | null = null,
  retryAfterMs: number | null = null,
): ProviderEnd {
  return { kind: "refused", code, status, retryAfterMs };
}

function lostOrCut(code: LossCode, assembly: AnswerAssembly, now: number): ProviderEnd {
  if (!assembly.hasBegun) return { kind: "lost", code };
  return { kind: "cut", code, answer: assembly.answer(now) };
}

/**
 * Statuses whose refusal does not follow from 4xx (the request is wrong) or 5xx (the server
 * failed).
 */
const refusalByStatus: ReadonlyMap<number, RefusalCode> = new Map([
  [401, "unauthorized"],
  [403, "unauthorized"],
  [404, "model_unknown"],
  [408, "server_error"],
  [409, "server_error"],
  [425, "server_error"],
  [429, "rate_limited"],
]);

function refusalOf(status: number, code: string | null | undefined): RefusalCode {
  if (code === "context_length_exceeded") return code;
  return refusalByStatus.get(status) ?? (status < 500 ? "request_refused" : "server_error");
}

function retryAfterOf({ headers }: APIError, now: number): number | null {
  return retryAfterMsOf((name) => headers?.get(name) ?? null, now);
}

/** Returns the fault of the connection; the client wraps it once or twice. */
function wireFaultOf(error: unknown): WireFault | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause)
    if (inner instanceof WireFault) return inner;
  return undefined;
}
