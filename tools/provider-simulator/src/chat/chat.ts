import type { ServerResponse } from "node:http";
import { answersTo, type Answer } from "../answers/answer.ts";
import { Pace } from "../answers/pace.ts";
import { sendStream, type AnswerStream } from "../answers/send-stream.ts";
import { beginCall } from "../bill/begin-call.ts";
import type { Bill, OpenCall } from "../bill/bill.ts";
import { endWhole } from "../bill/call-end.ts";
import { noUsage, reportedUsageOf, type BilledUsage } from "../bill/usage.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Fault } from "../faults/faults.ts";
import type { ModelProfile } from "../models.ts";
import { answerRequestOf } from "./prompt.ts";
import { cachedTokensOf, type PromptCache } from "./prompt-cache.ts";
import { countPromptTokens } from "./prompt-tokens.ts";
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
    const { call, request, profile, fault } = chatCall;
    const closed = await beginCall(call, request.stream, fault, this.#bill, response);
    if (!closed) return;
    const answers = answersTo(answerRequestOf(request), profile);
    const usage = await this.#usageOf(request, answers);
    const pace = new Pace(profile, this.#speed);
    if (request.stream && fault?.kind !== "timeout-after-billing")
      return sendStream(streamOf(chatCall, answers, usage), pace, this.#bill, response, closed);

    await pace.whole((usage.outputTokens + usage.reasoningTokens) / answers.length);
    const reported = profile.reportsUsage ? reportedUsageOf(usage) : null;
    const body = (): object => completionOf(headOf(chatCall), answers, reported);
    await endWhole({ call, usage, fault, body }, this.#bill, response, closed);
  }

  async #usageOf(request: ChatRequest, answers: readonly Answer[]): Promise<BilledUsage> {
    // The cache is read and filled before anything is awaited, so that calls do so in their order.
    const shared = this.#promptCache.sharedTextOf(request);
    const promptTokens = await countPromptTokens(request, this.#countTexts);
    const cached = cachedTokensOf(await this.#countTexts([shared]), promptTokens);
    return {
      ...noUsage,
      inputTokens: promptTokens - cached,
      cachedInputTokens: cached,
      outputTokens: answers.reduce((sum, { tokens }) => sum + tokens.length, 0),
      reasoningTokens: answers.reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0),
    };
  }
}

function streamOf(
  chatCall: ChatCall,
  answers: readonly Answer[],
  usage: BilledUsage,
): AnswerStream {
  const { call, request, profile, fault } = chatCall;
  const isCut = fault?.kind === "cut-stream";
  const tokensMax = isCut ? (fault.afterTokens ?? Math.ceil(usage.outputTokens / 2)) : Infinity;
  const chunks = new ChunkWriter(headOf(chatCall), answers, request.includeUsage);
  return {
    call,
    usage,
    opening: chunks.opening(),
    // Hidden reasoning precedes the first token. It is billed as soon as this token was sent.
    parts: piecesOf(answers, profile.tokensPerChunk, tokensMax).map((piece, at) => ({
      text: chunks.piece(piece),
      outputTokens: piece.tokens.length,
      reasoningTokens: at === 0 ? usage.reasoningTokens : 0,
    })),
    choices: answers.length,
    closing: isCut ? null : chunks.closing(profile.reportsUsage ? reportedUsageOf(usage) : null),
    reason: isCut ? "cut-stream" : "answered",
  };
}

function headOf({ completionId: id, request }: ChatCall): CompletionHead {
  const { model, topLogprobs } = request;
  return { id, created: Math.floor(Date.now() / 1_000), model, topLogprobs };
}
