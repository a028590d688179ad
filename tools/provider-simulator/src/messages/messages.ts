import type { ServerResponse } from "node:http";
import { answersTo, emptied, type Answer } from "../answers/answer.ts";
import { withHeartbeats } from "../answers/heartbeats.ts";
import { Pace } from "../answers/pace.ts";
import { sendStream, type AnswerStream } from "../answers/send-stream.ts";
import { beginCall } from "../bill/begin-call.ts";
import type { Bill, OpenCall } from "../bill/bill.ts";
import { endWhole } from "../bill/call-end.ts";
import type { BilledUsage } from "../bill/usage.ts";
import { earlyEndOf } from "../faults/early-end.ts";
import type { Fault } from "../faults/faults.ts";
import type { ModelProfile } from "../models.ts";
import type { CountTexts } from "../vocabulary.ts";
import type { BreakpointCache } from "./breakpoint-cache.ts";
import { closingOf, openingOf, partsOf, shownTokensIn } from "./event-stream.ts";
import { invalid } from "./invalid-request.ts";
import {
  answerBlocksOf,
  messageOf,
  reportedInputOf,
  reportedOutputOf,
  reportedServiceOf,
  type AnswerBlock,
  type MessageHead,
} from "./message.ts";
import type { MessagesRequest } from "./messages-request.ts";
import { countPrompt } from "./prompt-usage.ts";

/** A call that has passed all checks, except that its model can think. */
export interface MessagesCall {
  readonly request: MessagesRequest;
  readonly call: OpenCall;
  readonly callId: string;
  readonly profile: ModelProfile;
  /** The model and the key, whose prompt cache the call uses. */
  readonly cacheOwner: string;
  readonly cachedTokensLeast: number;
  readonly fault: Fault | undefined;
}

/** Everything of an answer that its two forms share. */
interface AnsweredMessage {
  readonly head: MessageHead;
  readonly answer: Answer;
  readonly blocks: readonly AnswerBlock[];
  readonly usage: BilledUsage;
}

/** Answers calls of Anthropic's Messages interface at the model's speed, and bills each by the rules in the README. */
export class Messages {
  readonly #bill: Bill;
  readonly #cache: BreakpointCache;
  readonly #countTexts: CountTexts;
  readonly #speed: number;

  constructor(bill: Bill, cache: BreakpointCache, countTexts: CountTexts, speed: number) {
    this.#bill = bill;
    this.#cache = cache;
    this.#countTexts = countTexts;
    this.#speed = speed;
  }

  /**
   * Answers and bills a call.
   *
   * @throws ApiError for a call that is refused, which costs nothing
   */
  async answer(messagesCall: MessagesCall, response: ServerResponse): Promise<void> {
    const { call, request, profile, fault } = messagesCall;
    const [, reasoningShareMost] = profile.reasoningShare;
    if (request.thinks && reasoningShareMost === 0)
      throw invalid("thinking", `The model ${request.model} does not support thinking`);
    const closed = await beginCall(call, request.stream, fault, this.#bill, response);
    if (!closed) return;

    const answered = await this.#answerTo(messagesCall);
    const { usage } = answered;
    const pace = new Pace(profile, this.#speed);
    if (request.stream && fault?.kind !== "timeout-after-billing")
      return sendStream(streamOf(messagesCall, answered), pace, this.#bill, response, closed);

    await pace.whole(usage.outputTokens + usage.reasoningTokens);
    const body = (): object =>
      messageOf(
        answered.head,
        answered.blocks,
        answered.answer,
        profile.reportsUsage ? reportedUsageOf(usage) : null,
      );
    await endWhole({ call, usage, fault, body }, this.#bill, response, closed);
  }

  async #answerTo({
    request,
    callId,
    profile,
    cacheOwner,
    cachedTokensLeast,
    fault,
  }: MessagesCall): Promise<AnsweredMessage> {
    // The cache is read and filled before anything is awaited, so that calls do so in their order.
    const plan = this.#cache.use(cacheOwner, request.blocks, Date.now());
    const [whole] = answersTo(request.answer, profile);
    if (!whole) throw new Error("A request for one answer has none.");
    const answer = fault?.kind === "empty-answer" ? emptied(whole) : whole;
    const prompt = await countPrompt(request, plan, cachedTokensLeast, this.#countTexts);
    return {
      head: { id: `msg_simulated_${callId}`, model: request.model },
      answer,
      blocks: answerBlocksOf(request, answer, callId),
      usage: {
        ...prompt,
        outputTokens: answer.tokens.length,
        reasoningTokens: answer.reasoningTokens,
      },
    };
  }
}

function streamOf(
  { call, profile, fault }: MessagesCall,
  { head, answer, blocks, usage }: AnsweredMessage,
): AnswerStream {
  const early = earlyEndOf(fault, "messages", shownTokensIn(blocks));
  const reported = profile.reportsUsage ? usage : null;
  const stream: AnswerStream = {
    call,
    usage,
    prelude: "",
    opening: openingOf(head, reported),
    parts: partsOf(blocks, profile.tokensPerChunk, early?.afterTokens ?? Infinity),
    choices: 1,
    closing: early ? early.closing : closingOf(answer, reported),
    reason: early?.reason ?? "answered",
  };
  return fault?.kind === "heartbeats" ? withHeartbeats(stream, heartbeat) : stream;
}

/** What keeps the connection alive: a comment, an event without data and a ping. */
const heartbeat = ': keep-alive\n\nevent: ping\ndata:\n\nevent: ping\ndata: {"type":"ping"}\n\n';

function reportedUsageOf(usage: BilledUsage): object {
  return { ...reportedInputOf(usage), ...reportedServiceOf(usage), ...reportedOutputOf(usage) };
}
