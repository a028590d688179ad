import type { Answer, AnswerEnd } from "../answers/answer.ts";
import { logprobsOf } from "./logprobs.ts";
import type { ReportedUsage } from "../bill/usage.ts";

/** The members of a completion that do not depend on its answers. */
export interface CompletionHead {
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
  readonly model: string;
  /** The number of alternative tokens for each token; null for no log probabilities. */
  readonly topLogprobs: number | null;
}

const finishReasons: Readonly<Record<AnswerEnd, string>> = {
  complete: "stop",
  "stop-text": "stop",
  limit: "length",
  "tool-call": "tool_calls",
  refusal: "stop",
  filtered: "content_filter",
};

/** Consecutive tokens of one choice that are streamed in one chunk. */
export interface Piece {
  readonly choice: number;
  readonly tokens: readonly string[];
}

/** Returns a completion in one piece, without usage if `usage` is null. */
export function completionOf(
  head: CompletionHead,
  answers: readonly Answer[],
  usage: ReportedUsage | null,
): object {
  return {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model: head.model,
    choices: answers.map((answer, index) => ({
      index,
      message: messageOf(answer, toolCallIdOf(head, index)),
      logprobs: logprobsOf(answer, answer.tokens, head.topLogprobs),
      finish_reason: finishReasons[answer.end],
    })),
    ...(usage && { usage }),
    service_tier: "default",
    system_fingerprint: "simulated",
  };
}

function messageOf({ toolName, isRefusal, tokens }: Answer, toolCallId: string): object {
  const text = tokens.join("");
  if (toolName === null && isRefusal) return { role: "assistant", content: null, refusal: text };
  if (toolName === null) return { role: "assistant", content: text, refusal: null };
  const call = { id: toolCallId, type: "function", function: { name: toolName, arguments: text } };
  return { role: "assistant", content: null, refusal: null, tool_calls: [call] };
}

/**
 * Formats the chunks of a stream. With `includeUsage`, each chunk has a member `usage`, which is null in all
 * but the last.
 */
export class ChunkWriter {
  readonly #head: CompletionHead;
  readonly #answers: readonly Answer[];
  readonly #includeUsage: boolean;

  constructor(head: CompletionHead, answers: readonly Answer[], includeUsage: boolean) {
    this.#head = head;
    this.#answers = answers;
    this.#includeUsage = includeUsage;
  }

  /** Returns the first chunks, which contain the role and the called tool. */
  opening(): string {
    return this.#answers
      .map(({ toolName, isRefusal }, choice) => {
        if (toolName === null && isRefusal)
          return this.#delta(choice, { role: "assistant", content: null, refusal: "" });
        if (toolName === null)
          return this.#delta(choice, { role: "assistant", content: "", refusal: null });
        const call = {
          index: 0,
          id: toolCallIdOf(this.#head, choice),
          type: "function",
          function: { name: toolName, arguments: "" },
        };
        return this.#delta(choice, { role: "assistant", content: null, tool_calls: [call] });
      })
      .join("");
  }

  /** Returns the chunk of a piece. */
  piece({ choice, tokens }: Piece): string {
    const text = tokens.join("");
    const answer = this.#answers[choice];
    if (answer && answer.toolName === null)
      return this.#delta(
        choice,
        { [answer.isRefusal ? "refusal" : "content"]: text },
        { logprobs: logprobsOf(answer, tokens, this.#head.topLogprobs) },
      );
    return this.#delta(choice, { tool_calls: [{ index: 0, function: { arguments: text } }] });
  }

  /** Returns the chunks after the last token. */
  closing(usage: ReportedUsage | null): string {
    const ends = this.#answers.map(({ end }, choice) =>
      this.#delta(choice, {}, { finish_reason: finishReasons[end] }),
    );
    const counted =
      usage && this.#includeUsage ? eventOf({ ...this.#base(), choices: [], usage }) : "";
    return `${ends.join("")}${counted}data: [DONE]\n\n`;
  }

  #delta(index: number, delta: object, end: object = {}): string {
    const choices = [{ index, delta, logprobs: null, finish_reason: null, ...end }];
    return eventOf({ ...this.#base(), choices, ...(this.#includeUsage && { usage: null }) });
  }

  #base(): object {
    return {
      id: this.#head.id,
      object: "chat.completion.chunk",
      created: this.#head.created,
      model: this.#head.model,
      service_tier: "default",
      system_fingerprint: "simulated",
    };
  }
}

/**
 * Divides answers into pieces. The choices take turns, as if the model computed them concurrently. Ends after
 * `tokensMax` tokens in total.
 */
export function piecesOf(
  answers: readonly Answer[],
  tokensPerPiece: number,
  tokensMax: number,
): readonly Piece[] {
  const pieces: Piece[] = [];
  const longest = Math.max(...answers.map(({ tokens }) => tokens.length));
  let left = tokensMax;
  for (let from = 0; from < longest; from += tokensPerPiece) {
    for (const [choice, { tokens }] of answers.entries()) {
      const taken = tokens.slice(from, from + Math.min(tokensPerPiece, left));
      if (taken.length === 0) continue;
      left -= taken.length;
      pieces.push({ choice, tokens: taken });
    }
  }
  return pieces;
}

function toolCallIdOf({ id }: CompletionHead, choice: number): string {
  return `call_${id.slice("chatcmpl-".length)}-${choice}`;
}

function eventOf(body: object): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}
