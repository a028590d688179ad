import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { answersTo, type Answer } from "./answer.ts";
import type { Bill, OpenCall } from "../bill/bill.ts";
import { endedByFault, endWhole } from "../bill/call-end.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Fault } from "../faults/faults.ts";
import type { ModelProfile } from "../models.ts";
import { cachedTokensOf, type PromptCache } from "./prompt-cache.ts";
import { countPromptTokens } from "./prompt-tokens.ts";
import { reportedUsageOf, type BilledUsage } from "../bill/usage.ts";
import type { CountTexts } from "../vocabulary.ts";
import { ChunkWriter, completionOf, piecesOf, type CompletionHead } from "./wire.ts";

/** A call that has passed all checks. */
export interface ChatCall {
  readonly request: ChatRequest;
  readonly call: OpenCall;
  readonly completionId: string;
  readonly profile: ModelProfile;
  readonly fault: Fault | undefined;
}

/** Answers calls for chat completions at the model's speed, and bills each by the rules in the README. */
export class Chat {
  readonly #bill: Bill;
  readonly #promptCache: PromptCache;
  readonly #countTexts: CountTexts;
  readonly #speed: number;

  constructor(bill: Bill, promptCache: PromptCache, countTexts: CountTexts, speed: number) {
    this.#bill = bill;
    this.#promptCache = promptCache;
    this.#countTexts = countTexts;
    this.#speed = speed;
  }

  /**
   * Answers and bills a call.
   *
   * @throws ApiError for a call that is refused, which costs nothing
   */
  async answer(chatCall: ChatCall, response: ServerResponse): Promise<void> {
    const { call, request, fault } = chatCall;
    this.#bill.begin(call, request.stream);
    const closed = new AbortController();
    response.once("close", () => closed.abort());

    if (fault && (await endedByFault(fault, call, this.#bill, response, closed.signal))) return;
    const answers = answersTo(request, chatCall.profile);
    if (request.stream && fault?.kind !== "timeout-after-billing")
      return this.#stream(chatCall, answers, response, closed.signal);
    return this.#answerWhole(chatCall, answers, response, closed.signal);
  }

  /** Sends the answer in one piece. It is billed in full when it is computed, even if the client has disconnected. */
  async #answerWhole(
    { request, call, completionId, profile, fault }: ChatCall,
    answers: readonly Answer[],
    response: ServerResponse,
    closed: AbortSignal,
  ): Promise<void> {
    const usage = await this.#usageOf(request, answers);
    await pause(
      this.#delayMs(profile, (usage.outputTokens + usage.reasoningTokens) / answers.length),
    );

    const reported = profile.reportsUsage ? reportedUsageOf(usage) : null;
    const body = (): object => completionOf(headOf(completionId, request), answers, reported);
    await endWhole({ call, usage, fault, body }, this.#bill, response, closed);
  }

  /**
   * Streams the answer. It is billed for the input and for the tokens that were written to the socket before
   * its end.
   */
  async #stream(
    { request, call, completionId, profile, fault }: ChatCall,
    answers: readonly Answer[],
    response: ServerResponse,
    closed: AbortSignal,
  ): Promise<void> {
    const usage = await this.#usageOf(request, answers);
    const cut = fault?.kind === "cut-stream";
    const tokensMax = cut ? (fault.afterTokens ?? Math.ceil(usage.outputTokens / 2)) : Infinity;
    const chunks = new ChunkWriter(headOf(completionId, request), answers, request.includeUsage);
    const sent = { tokens: 0 };
    try {
      const begunAt = performance.now();
      await this.#waitUntil(begunAt + this.#delayMs(profile, 0), closed);
      response.setHeader("content-type", "text/event-stream; charset=utf-8");
      response.setHeader("cache-control", "no-cache");
      await written(response, chunks.opening(), closed);
      for (const piece of piecesOf(answers, profile.tokensPerChunk, tokensMax)) {
        const made = usage.reasoningTokens + sent.tokens + piece.tokens.length;
        await this.#waitUntil(begunAt + this.#delayMs(profile, made / answers.length), closed);
        sent.tokens += piece.tokens.length;
        await written(response, chunks.piece(piece), closed);
      }
    } catch (error) {
      if (!closed.aborted) throw error;
    }
    this.#endStream({ call, usage, sentTokens: sent.tokens, cut, closed: closed.aborted });
    if (closed.aborted) return;
    if (cut) response.socket?.destroySoon();
    else response.end(chunks.closing(profile.reportsUsage ? reportedUsageOf(usage) : null));
  }

  #endStream(end: {
    readonly call: OpenCall;
    readonly usage: BilledUsage;
    readonly sentTokens: number;
    readonly cut: boolean;
    readonly closed: boolean;
  }): void {
    const { call, usage, sentTokens, cut, closed } = end;
    const sent: BilledUsage = {
      ...usage,
      outputTokens: sentTokens,
      reasoningTokens: sentTokens === 0 ? 0 : usage.reasoningTokens,
    };
    if (closed) this.#bill.charge(call, sent, "client-closed", Date.now());
    else this.#bill.charge(call, sent, cut ? "cut-stream" : "answered", Date.now());
  }

  async #usageOf(request: ChatRequest, answers: readonly Answer[]): Promise<BilledUsage> {
    // The cache is read and filled before anything is awaited, so that calls do so in their order.
    const shared = this.#promptCache.sharedTextOf(request);
    const promptTokens = await countPromptTokens(request, this.#countTexts);
    const cached = cachedTokensOf(await this.#countTexts([shared]), promptTokens);
    return {
      inputTokens: promptTokens - cached,
      cachedInputTokens: cached,
      outputTokens: answers.reduce((sum, { tokens }) => sum + tokens.length, 0),
      reasoningTokens: answers.reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0),
    };
  }

  #delayMs({ firstByteMs, tokensPerSecond }: ModelProfile, tokens: number): number {
    return (firstByteMs + (tokens / tokensPerSecond) * 1_000) / this.#speed;
  }

  async #waitUntil(at: number, signal: AbortSignal): Promise<void> {
    const leftMs = at - performance.now();
    if (leftMs >= 1) await pause(leftMs, undefined, { signal });
    signal.throwIfAborted();
  }
}

function headOf(id: string, { model }: ChatRequest): CompletionHead {
  return { id, created: Math.floor(Date.now() / 1_000), model };
}

/** Writes the text. Waits if the client reads slowly, so that unread text does not accumulate in memory. */
async function written(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!response.write(text)) await once(response, "drain", { signal });
}
