import type { Answer } from "./answer.ts";
import { logprobsOf } from "./logprobs.ts";
import type { ReportedUsage } from "../bill/usage.ts";

/** What names a completion on the wire. */
export interface CompletionHead {
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
  readonly model: string;
}

/** Some tokens of one choice, in the order in which they are streamed. */
export interface Piece {
  readonly choice: number;
  readonly tokens: readonly string[];
}

/** A whole completion; without usage if `usage` is null. */
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
      logprobs: logprobsOf(answer, answer.tokens),
      finish_reason: answer.finishReason,
    })),
    ...(usage && { usage }),
    service_tier: "default",
    system_fingerprint: "simulated",
  };
}

function messageOf({ toolName, voice, tokens }: Answer, toolCallId: string): object {
  const text = tokens.join("");
  if (toolName === null && voice === "refusal")
    return { role: "assistant", content: null, refusal: text };
  if (toolName === null) return { role: "assistant", content: text, refusal: null };
  const call = { id: toolCallId, type: "function", function: { name: toolName, arguments: text } };
  return { role: "assistant", content: null, refusal: null, tool_calls: [call] };
}

/** The chunks of a stream. With `includeUsage` each carries a usage, null but in the last. */
export class ChunkWriter {
  readonly #head: CompletionHead;
  readonly #answers: readonly Answer[];
  readonly #includeUsage: boolean;

  constructor(head: CompletionHead, answers: readonly Answer[], includeUsage: boolean) {
    this.#head = head;
    this.#answers = answers;
    this.#includeUsage = includeUsage;
  }

  /** Says who speaks, and which tool is called. */
  opening(): string {
    return this.#answers
      .map(({ toolName, voice }, choice) => {
        if (toolName === null && voice === "refusal")
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

  piece({ choice, tokens }: Piece): string {
    const text = tokens.join("");
    const answer = this.#answers[choice];
    if (answer && answer.toolName === null)
      return this.#delta(
        choice,
        { [answer.voice]: text },
        { logprobs: logprobsOf(answer, tokens) },
      );
    return this.#delta(choice, { tool_calls: [{ index: 0, function: { arguments: text } }] });
  }

  /** Everything after the last token. */
  closing(usage: ReportedUsage | null): string {
    const ends = this.#answers.map(({ finishReason }, choice) =>
      this.#delta(choice, {}, { finish_reason: finishReason }),
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
 * Cuts answers into pieces, the choices taking turns, as if they were made side by side.
 * Ends after `tokensMax` tokens in all.
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
