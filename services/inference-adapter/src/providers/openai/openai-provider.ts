import type { Candidate, InferenceRequested } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import { type Clock, noUsage } from "@sluice/domain";
import OpenAI from "openai";
import { AnswerAssembly } from "./answer/answer-assembly.ts";
import { answerBytesMax } from "./answer/answer-limit.ts";
import { embeddingEndOf } from "./answer/embedding-end.ts";
import { AnswerValues, documentIn, UnreadableAnswer } from "./answer/event-stream.ts";
import type { LossCode } from "../../decide/failure.ts";
import {
  type Chunk,
  deadlinePassed,
  Provider,
  type ProviderBody,
  type ProviderCall,
  type ProviderEnd,
} from "../provider.ts";
import { type CallInit, Patience, ProviderConnections, WireFault } from "./provider-fetch.ts";
import { plainDialect } from "./dialect.ts";
import { bodyOf } from "./provider-body.ts";
import { type Heard, ProviderRefusal, refusedUnlessOk } from "./provider-refusal.ts";
import { hasSubstance, readCompletion, type WireCompletion } from "./answer/wire-completion.ts";
import { type WireError, wireErrorIn } from "./answer/wire-error.ts";

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

/** Time limits of calls, in milliseconds. */
export interface ProviderTimeouts {
  /** The time until the connection is established, including TLS. */
  readonly connectMs: number;
  /** The time until an answer begins, unless the model has its own. A whole answer begins when its last token is made. */
  readonly beginMs: number;
  /** The longest silence of an answer that has begun. */
  readonly silenceMs: number;
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
  readonly #timeouts: ProviderTimeouts;
  readonly #models: ReadonlyMap<string, ReadonlyMap<string, ServedModel>>;
  /** The keys of each provider, which must not appear in its words. */
  readonly #secrets: ReadonlyMap<string, readonly string[]>;

  constructor(endpoints: readonly ProviderEndpoint[], timeouts: ProviderTimeouts, clock: Clock) {
    super();
    const forStreams = new ProviderConnections(timeouts.connectMs, "events");
    const forWholes = new ProviderConnections(timeouts.connectMs, "whole");
    this.#connections = [forStreams, forWholes];
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#models = new Map(endpoints.map(({ id, models }) => [id, models ?? new Map()]));
    this.#secrets = new Map(endpoints.map(({ id, keys }) => [id, keys]));
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

  override bodyOf(
    request: InferenceRequested,
    candidate: Candidate,
    stream: boolean,
  ): ProviderBody {
    const model = this.#models.get(candidate.provider)?.get(candidate.model);
    return bodyOf(request, candidate, stream, model?.dialect ?? plainDialect);
  }

  override async call(call: ProviderCall, onChunk: (chunk: Chunk) => void): Promise<ProviderEnd> {
    const clients = this.#clients.get(call.provider)?.[call.keyIndex];
    if (!clients) return notSent("unreachable");
    if (call.operation === "embeddings") return this.#embed(clients.whole, call);
    const assembly = new AnswerAssembly();
    const streamed = call.body["stream"] === true;
    const limited = this.#limited(call);
    let isComplete = false;
    try {
      // Explicit, because a provider may stream by default.
      const options = optionsOf({ ...limited, body: { ...call.body, stream: streamed } });
      const client = streamed ? clients.streamed : clients.whole;
      const response = await client.post("/chat/completions", options).asResponse();
      isComplete = await readAnswer(response, limited, assembly, streamed ? onChunk : ignore);
    } catch (error) {
      if (!assembly.isComplete(call.answers)) return this.#endOf(error, limited, assembly);
    }
    const now = this.#clock.now();
    if (!assembly.hasBegun)
      return { kind: "unusable", code: "answer_empty", usage: assembly.usage };
    // The response has ended here. Some providers ignore `n`, and some give no finish reason, but what they
    // returned is billed in full.
    if (!isComplete && !assembly.hasEnded) return lostOrCut("connection_lost", assembly, now);
    const missing = assembly.end();
    if (streamed && missing.length > 0)
      onChunk({ systemFingerprint: null, choices: missing, hasSubstance: true });
    return { kind: "answered", answer: assembly.answer(now), usage: assembly.usage };
  }

  override close(): void {
    for (const connections of this.#connections) connections.close();
  }

  async #embed(client: OpenAI, call: ProviderCall): Promise<ProviderEnd> {
    const limited = this.#limited(call);
    try {
      const options = optionsOf(limited);
      const wire = await documentIn(await client.post("/embeddings", options).asResponse());
      const error = wireErrorIn(wire);
      if (error) throw new ErrorInAnswer(error);
      const requested = { count: call.answers, dimensions: call.body["dimensions"] };
      return embeddingEndOf(wire, requested, this.#clock.now());
    } catch (error) {
      return this.#endOf(error, limited, new AnswerAssembly());
    }
  }

  #endOf(error: unknown, call: LimitedCall, assembly: AnswerAssembly): ProviderEnd {
    const now = this.#clock.now();
    // Also if the call was ended meanwhile: what the provider has refused, it has not performed.
    if (call.heard.refusal) return call.heard.refusal.end(this.#keysOf(call), now);
    if (call.signal.aborted) return lostOrCut(this.#codeOfAbort(call), assembly, now);
    const { usage } = assembly;
    for (const cause of causesOf(error)) {
      if (cause instanceof ErrorInAnswer) {
        // What was heard of the answer, or its usage, shows that the provider has made a part of it.
        const { outputTokens, reasoningTokens } = usage?.usage ?? noUsage;
        const hasMade = assembly.hasBegun || (outputTokens ?? 0n) + (reasoningTokens ?? 0n) > 0n;
        if (hasMade) return lostOrCut("provider_error", assembly, now);
        return new ProviderRefusal(cause.error).end(this.#keysOf(call), now);
      }
      if (cause instanceof UnreadableAnswer && !assembly.hasBegun)
        return { kind: "unusable", code: "answer_unreadable", usage };
      if (cause instanceof UnreadableAnswer) return lostOrCut("provider_error", assembly, now);
      if (cause instanceof WireFault) return endOfFault(cause, assembly, now);
    }
    return lostOrCut("connection_lost", assembly, now);
  }

  #limited(call: ProviderCall): LimitedCall {
    const { beginMs, silenceMs } = this.#timeouts;
    const own = this.#models.get(call.provider)?.get(String(call.body["model"]));
    const patience = new Patience(own?.beginMs ?? beginMs, silenceMs);
    return { ...call, patience, heard: {}, startedAt: performance.now() };
  }

  /**
   * A provider that says nothing until the deadline has failed if that took as long as no answer may be silent. The
   * deadline of a hasty client says nothing about the provider.
   */
  #codeOfAbort({ signal, startedAt }: LimitedCall): LossCode {
    const isLate = signal.reason === deadlinePassed;
    const waitedMs = performance.now() - startedAt;
    return isLate && waitedMs >= this.#timeouts.silenceMs ? "timed_out" : "aborted";
  }

  #keysOf({ provider }: ProviderCall): readonly string[] {
    return this.#secrets.get(provider) ?? [];
  }
}

/** An error that the provider put into a successful response. */
class ErrorInAnswer extends Error {
  constructor(readonly error: WireError) {
    super("The provider's answer is an error.");
  }
}

function clientOf(baseURL: string, apiKey: string, connections: ProviderConnections): OpenAI {
  return new OpenAI({
    baseURL,
    apiKey,
    maxRetries: 0,
    timeout: clientTimeoutMs,
    fetch: async (url, init: CallInit = {}) =>
      refusedUnlessOk(await connections.fetch(url, init), init.heard),
    logLevel: "off",
    organization: null,
    project: null,
  });
}

/** A call with its time limits, and what was heard of it. */
interface LimitedCall extends ProviderCall {
  readonly patience: Patience;
  readonly heard: Heard;
  /** By the clock of `performance`. */
  readonly startedAt: number;
}

function ignore(): void {
  // No client reads this answer while it arrives.
}

/** Adds an answer to the assembly. Returns whether the provider said that this was all of it. */
async function readAnswer(
  response: Response,
  call: LimitedCall,
  assembly: AnswerAssembly,
  onChunk: (chunk: Chunk) => void,
): Promise<boolean> {
  const values = new AnswerValues(response);
  let kept = 0;
  for await (const wire of values.read()) {
    const error = wireErrorIn(wire);
    const chunk = readCompletion(wire);
    const choices = assembly.add(error ? withoutEnd(chunk) : chunk);
    if (error) throw new ErrorInAnswer(error);
    if (assembly.hasSpoken) call.patience.begin();
    if (choices.length === 0) continue;
    kept += JSON.stringify(choices).length;
    if (kept > answerBytesMax) throw new WireFault("answer_too_long");
    const { systemFingerprint } = chunk;
    onChunk({ systemFingerprint, choices, hasSubstance: hasSubstance(chunk.choices) });
  }
  return values.isComplete;
}

/** An event with an error may have the last text, but it does not end the answer as one that is whole. */
function withoutEnd(chunk: WireCompletion): WireCompletion {
  return { ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, finishReason: null })) };
}

/**
 * Returns the options of a call through the client's untyped `post`. Ingress has checked the names
 * of the parameters, and only the provider can judge their values, so the client's own types for a
 * body do not apply.
 */
function optionsOf(call: LimitedCall): OpenAI.RequestOptions {
  const { attemptId, trace, signal, body, patience, heard } = call;
  const headers = { "x-client-request-id": attemptId, ...trace };
  // The client passes all members of it on to `fetch`.
  const fetchOptions: object = { patience, heard } satisfies CallInit;
  return { body, signal, headers, fetchOptions };
}

function endOfFault({ code }: WireFault, assembly: AnswerAssembly, now: number): ProviderEnd {
  if (code === "unreachable" || code === "connection_stale") return notSent(code);
  return lostOrCut(code, assembly, now);
}

/** Returns the end of a call that the provider did not read. */
function notSent(code: "unreachable" | "connection_stale"): ProviderEnd {
  return { kind: "refused", code, status: null, retryAfterMs: null };
}

function lostOrCut(code: LossCode, assembly: AnswerAssembly, now: number): ProviderEnd {
  const { usage } = assembly;
  if (!assembly.hasBegun && usage === null) return { kind: "lost", code };
  return { kind: "cut", code, answer: assembly.answer(now), usage };
}

/** Yields an error and its causes; the client wraps errors of a connection once or twice. */
function* causesOf(error: unknown): Generator<Error> {
  for (let inner = error; inner instanceof Error; inner = inner.cause) yield inner;
}
