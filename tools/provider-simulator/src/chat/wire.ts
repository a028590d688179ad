import type { Answer, AnswerEnd } from "../answers/answer.ts";
import { logprobsOf } from "./logprobs.ts";
import { thoughtOf } from "../answers/prose.ts";
import type { ReportedUsage } from "../bill/usage.ts";
import type { WireForm } from "./wire-form.ts";

/** The members of a completion that do not depend on its answers. */
export interface CompletionHead {
  readonly id: string;
  /** Epoch seconds. */
  readonly created: number;
  readonly model: string;
  /** The number of alternative tokens for each token; null for no log probabilities. */
  readonly topLogprobs: number | null;
  /** The seed of the thoughts. */
  readonly promptDigest: string;
  readonly form: WireForm;
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
  readonly kind: "thought" | "text";
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
      message: messageOf(answer, head, index),
      logprobs: logprobsOf(answer, answer.tokens, head.topLogprobs),
      finish_reason: head.form.finishes ? finishReasons[answer.end] : null,
    })),
    ...(usage && { usage }),
    service_tier: "default",
    system_fingerprint: "simulated",
  };
}

function messageOf(answer: Answer, head: CompletionHead, choice: number): object {
  const { toolName, isRefusal, tokens } = answer;
  const text = tokens.join("");
  if (toolName === null && isRefusal) return { role: "assistant", content: null, refusal: text };
  if (toolName === null)
    return { role: "assistant", content: contentOf(answer, head, choice), refusal: null };
  const called = { name: toolName, arguments: text };
  const call = { id: toolCallIdOf(head, choice), type: "function", function: called };
  return { role: "assistant", content: null, refusal: null, tool_calls: [call] };
}

function contentOf(answer: Answer, head: CompletionHead, choice: number): unknown {
  const text = answer.tokens.join("");
  if (!head.form.listsContent) return text;
  const thought = thoughtIn(head, answer, choice).join("");
  return [...(thought === "" ? [] : [partOf("thought", thought)]), partOf("text", text)];
}

/** Returns a part of Mistral's content, by its guide "Reasoning". */
function partOf(kind: Piece["kind"], text: string): object {
  const part = { type: "text", text };
  return kind === "text" ? part : { type: "thinking", thinking: [part] };
}

/** Returns the shown thoughts of all choices, which have no tokens in OpenAI's form. */
export function thoughtsOf(
  head: CompletionHead,
  answers: readonly Answer[],
): readonly (readonly string[])[] {
  return head.form.listsContent
    ? answers.map((answer, choice) => thoughtIn(head, answer, choice))
    : [];
}

function thoughtIn(head: CompletionHead, answer: Answer, choice: number): readonly string[] {
  return thoughtOf(answer.reasoningTokens, head.promptDigest, head.model, choice);
}

/**
 * Formats the chunks of a stream. With `includeUsage`, each chunk has a member `usage`, which is null in all
 * but the last, unless the form reports it in each.
 */
export class ChunkWriter {
  readonly #head: CompletionHead;
  readonly #answers: readonly Answer[];
  readonly #includeUsage: boolean;
  readonly #reportsUsage: boolean;

  constructor(
    head: CompletionHead,
    answers: readonly Answer[],
    includeUsage: boolean,
    reportsUsage: boolean,
  ) {
    this.#head = head;
    this.#answers = answers;
    this.#includeUsage = includeUsage;
    this.#reportsUsage = reportsUsage;
  }

  /** Returns the first chunks, which contain the role and the called tool. */
  opening(usage: ReportedUsage): string {
    return this.#answers
      .map(({ toolName, isRefusal }, choice) => {
        if (toolName === null && isRefusal)
          return this.#delta(choice, { role: "assistant", content: null, refusal: "" }, usage);
        if (toolName === null)
          return this.#delta(choice, { role: "assistant", content: "", refusal: null }, usage);
        const call = {
          index: 0,
          id: toolCallIdOf(this.#head, choice),
          type: "function",
          function: { name: toolName, arguments: "" },
        };
        const delta = { role: "assistant", content: null, tool_calls: [call] };
        return this.#delta(choice, delta, usage);
      })
      .join("");
  }

  /**
   * Returns the chunk of a piece.
   *
   * @param usage the usage with this piece
   */
  piece({ kind, choice, tokens }: Piece, usage: ReportedUsage): string {
    const text = tokens.join("");
    const answer = this.#answers[choice];
    if (kind === "thought") return this.#delta(choice, { content: [partOf(kind, text)] }, usage);
    if (!answer || answer.toolName !== null) {
      const delta = { tool_calls: [{ index: 0, function: { arguments: text } }] };
      return this.#delta(choice, delta, usage);
    }
    const content = this.#head.form.listsContent ? [partOf(kind, text)] : text;
    const delta = answer.isRefusal ? { refusal: text } : { content };
    const logprobs = logprobsOf(answer, tokens, this.#head.topLogprobs);
    return this.#delta(choice, delta, usage, { logprobs });
  }

  /** Returns the chunks after the last token. */
  closing(usage: ReportedUsage): string {
    const { finishes } = this.#head.form;
    const ends = this.#answers.map(({ end }, choice) =>
      this.#delta(choice, {}, usage, { finish_reason: finishes ? finishReasons[end] : null }),
    );
    const isCounted = this.#reportsUsage && this.#includeUsage;
    const counted = isCounted ? eventOf({ ...this.#base(), choices: [], usage }) : "";
    return `${ends.join("")}${counted}data: [DONE]\n\n`;
  }

  #delta(index: number, delta: object, usage: ReportedUsage, end: object = {}): string {
    const { openFinishReason, reportsEachChunk } = this.#head.form;
    const open = { index, delta, logprobs: null, finish_reason: openFinishReason };
    const reported = reportsEachChunk && this.#reportsUsage ? usage : null;
    return eventOf({
      ...this.#base(),
      choices: [{ ...open, ...end }],
      ...((this.#includeUsage || reported !== null) && { usage: reported }),
    });
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
 * Divides the tokens of choices into pieces. The choices take turns, as if the model computed them concurrently. Ends
 * after `tokensMax` tokens in total.
 */
export function piecesOf(
  choices: readonly (readonly string[])[],
  tokensPerPiece: number,
  tokensMax: number,
  kind: Piece["kind"],
): readonly Piece[] {
  const pieces: Piece[] = [];
  const longest = Math.max(...choices.map(({ length }) => length));
  let left = tokensMax;
  for (let from = 0; from < longest; from += tokensPerPiece) {
    for (const [choice, tokens] of choices.entries()) {
      const taken = tokens.slice(from, from + Math.min(tokensPerPiece, left));
      if (taken.length === 0) continue;
      left -= taken.length;
      pieces.push({ kind, choice, tokens: taken });
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
