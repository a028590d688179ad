import type { ServerResponse } from "node:http";
import { answersTo, type Answer } from "../answers/answer.ts";
import { Pace } from "../answers/pace.ts";
import { sendStream } from "../answers/send-stream.ts";
import { beginCall } from "../bill/begin-call.ts";
import type { Bill } from "../bill/bill.ts";
import { endWhole } from "../bill/call-end.ts";
import { noUsage, type BilledUsage } from "../bill/usage.ts";
import { headOf, type ChatCall } from "./chat-call.ts";
import type { ChatRequest } from "./chat-request.ts";
import { streamOf } from "./completion-stream.ts";
import { answersWith, usageWith } from "./faulty-answers.ts";
import { answerRequestOf } from "./prompt.ts";
import { cachedTokensOf, type PromptCache } from "./prompt-cache.ts";
import { countPromptTokens } from "./prompt-tokens.ts";
import type { CountTexts } from "../vocabulary.ts";
import { completionOf } from "./wire.ts";
import { reportedIn } from "./wire-form.ts";

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
    const answers = answersWith(fault, answersTo(answerRequestOf(request), profile));
    const usage = usageWith(fault, await this.#usageOf(request, answers));
    const head = headOf(chatCall);
    const pace = new Pace(profile, this.#speed);
    if (request.stream && fault?.kind !== "timeout-after-billing")
      return sendStream(
        streamOf(chatCall, head, answers, usage),
        pace,
        this.#bill,
        response,
        closed,
      );

    await pace.whole((usage.outputTokens + usage.reasoningTokens) / Math.max(1, answers.length));
    const reported = profile.reportsUsage ? reportedIn(head.form, usage) : null;
    const body = (): object => completionOf(head, answers, reported);
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
