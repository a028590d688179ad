import type { Clock } from "@sluice/domain";
import OpenAI, { APIError } from "openai";
import type { ChatCompletionCreateParams } from "openai/resources/chat/completions";
import type { EmbeddingCreateParams } from "openai/resources/embeddings";
import { AnswerAssembly, hasSubstance } from "./answer-assembly.ts";
import { embeddingEndOf } from "./embedding-end.ts";
import type { LossCode, RefusalCode } from "../../decide/failure.ts";
import { type Chunk, Provider, type ProviderCall, type ProviderEnd } from "../provider.ts";
import { type CallTimeouts, ProviderConnections, WireFault } from "./provider-fetch.ts";
import { retryAfterMsOf } from "./retry-after.ts";
import { reportedUsageOf } from "./usage.ts";

export interface ProviderEndpoint {
  readonly id: string;
  readonly baseUrl: string;
  /** The secrets. */
  readonly keys: readonly string[];
}

/** The wire's limits, and one for answers that come in one piece. */
export interface ProviderTimeouts extends CallTimeouts {
  /**
   * Until the first byte of an answer that is not streamed. Providers send it
   * when the last token is made, so silence says nothing before.
   */
  readonly wholeMs: number;
}

/** One key of a provider, with the limits of either way to answer. */
interface KeyClients {
  readonly streamed: OpenAI;
  readonly whole: OpenAI;
}

/** The client's own time-out must never be the one that strikes: it does not know what was sent. */
const clientTimeoutMs = 24 * 60 * 60 * 1_000;

/** Any provider that speaks OpenAI's chat completions or embeddings. */
export class OpenAiProvider extends Provider {
  readonly #clients: ReadonlyMap<string, readonly KeyClients[]>;
  readonly #connections: readonly ProviderConnections[];
  readonly #clock: Clock;

  constructor(endpoints: readonly ProviderEndpoint[], timeouts: ProviderTimeouts, clock: Clock) {
    super();
    const forStreams = new ProviderConnections(timeouts);
    const forWholes = new ProviderConnections({ ...timeouts, silenceMs: timeouts.wholeMs });
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
    // Read whatever happens: a stream may break after it has said what it cost.
    const seen: { usage?: object | null } = {};
    try {
      await (call.body["stream"] === true
        ? stream(clients.streamed, call, assembly, seen, onChunk)
        : complete(clients.whole, call, assembly, seen));
    } catch (error) {
      if (!assembly.isComplete(call.answers)) return this.#endOf(error, call, assembly);
    }
    const now = this.#clock.now();
    if (assembly.isComplete(call.answers))
      return { kind: "answered", answer: assembly.answer(now), usage: reportedUsageOf(seen.usage) };
    return lostOrCut("connection_lost", assembly, now);
  }

  override close(): void {
    for (const connections of this.#connections) connections.close();
  }

  async #embed(client: OpenAI, call: ProviderCall): Promise<ProviderEnd> {
    try {
      const wire: unknown = await client.embeddings.create(
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as below
        call.body as unknown as EmbeddingCreateParams,
        optionsOf(call),
      );
      const asked = { count: call.answers, dimensions: call.body["dimensions"] };
      return embeddingEndOf(wire, asked, this.#clock.now());
    } catch (error) {
      return this.#endOf(error, call, new AnswerAssembly());
    }
  }

  #endOf(error: unknown, { signal }: ProviderCall, assembly: AnswerAssembly): ProviderEnd {
    const now = this.#clock.now();
    if (signal.aborted) return lostOrCut("aborted", assembly, now);
    if (error instanceof APIError && error.status !== undefined)
      return refused(refusalOf(error), error.status, retryAfterOf(error, now));
    const wire = wireFaultOf(error);
    if (wire?.code === "unreachable") return refused("unreachable");
    return lostOrCut(wire?.code === "timed_out" ? "timed_out" : "connection_lost", assembly, now);
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
  seen: { usage?: object | null },
  onChunk: (chunk: Chunk) => void,
): Promise<void> {
  const chunks = await client.chat.completions.create(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parameters' names were checked at ingress; their values are the provider's to judge
    { ...call.body, stream: true } as unknown as ChatCompletionCreateParams & { stream: true },
    optionsOf(call),
  );
  for await (const chunk of chunks) {
    if (chunk.usage) seen.usage = chunk.usage;
    const choices = chunk.choices ?? [];
    if (choices.length === 0) continue;
    assembly.add(chunk, choices);
    const systemFingerprint = chunk.system_fingerprint ?? null;
    onChunk({ systemFingerprint, choices, hasSubstance: hasSubstance(choices) });
  }
}

async function complete(
  client: OpenAI,
  call: ProviderCall,
  assembly: AnswerAssembly,
  seen: { usage?: object | null },
): Promise<void> {
  const completion = await client.chat.completions.create(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    { ...call.body, stream: false } as unknown as ChatCompletionCreateParams & { stream: false },
    optionsOf(call),
  );
  seen.usage = completion.usage ?? null;
  assembly.add(completion, completion.choices);
}

function optionsOf({ attemptId, trace, signal }: ProviderCall): OpenAI.RequestOptions {
  return { signal, headers: { "x-client-request-id": attemptId, ...trace } };
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

function refusalOf({ status, code }: APIError): RefusalCode {
  if (code === "context_length_exceeded") return "context_length_exceeded";
  switch (status) {
    case 401:
    case 403:
      return "unauthorized";
    case 404:
      return "model_unknown";
    case 408:
    case 409:
    case 425:
      return "server_error";
    case 429:
      return "rate_limited";
    case undefined:
    default:
      return status !== undefined && status < 500 ? "request_refused" : "server_error";
  }
}

function retryAfterOf({ headers }: APIError, now: number): number | null {
  return retryAfterMsOf((name) => headers?.get(name) ?? null, now);
}

/** The client wraps what fetch threw, once or twice. */
function wireFaultOf(error: unknown): WireFault | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause)
    if (inner instanceof WireFault) return inner;
  return undefined;
}
