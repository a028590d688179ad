import type { Answer, Choice } from "@sluice/contracts";
import { type ReportedUsage, reportedUsageOf } from "./usage.ts";

/** A choice of a chunk, or of a whole completion, which is read as one chunk. */
export interface WireChoice {
  readonly index?: number;
  readonly delta?: WireDelta;
  readonly message?: WireDelta;
  readonly logprobs?: WireLogprobs | null;
  readonly finish_reason?: string | null;
}

interface WireDelta {
  readonly content?: string | null;
  readonly refusal?: string | null;
  readonly tool_calls?: readonly WireToolCall[] | null;
}

interface WireToolCall {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface WireLogprobs {
  readonly content?: readonly unknown[] | null;
  readonly refusal?: readonly unknown[] | null;
}

/** The fields of a completion, and of each of its chunks, next to the choices. */
export interface WireHead {
  readonly model?: string;
  readonly system_fingerprint?: string | null;
  /** Epoch seconds. */
  readonly created?: number;
}

/** A whole completion, or one chunk of a stream, as far as it is read. Providers leave fields out. */
export interface WireCompletion extends WireHead {
  readonly choices?: readonly WireChoice[] | null;
  readonly usage?: object | null;
}

interface GrowingChoice {
  content: string | null;
  refusal: string | null;
  readonly toolCalls: Map<number, { id: string; type: string; name: string; arguments: string }>;
  readonly logprobs: { content: unknown[] | null; refusal: unknown[] | null };
  finishReason: string | null;
}

/**
 * Puts an answer together from its chunks, with the usage that came with them. A stream may break
 * after it has reported its usage, so both are kept here and not returned at the end.
 */
export class AnswerAssembly {
  readonly #choices = new Map<number, GrowingChoice>();
  #head: WireHead = {};
  #usage: object | null = null;

  add(head: WireHead, choices: readonly WireChoice[]): void {
    this.#head = {
      ...(head.model !== undefined && { model: head.model }),
      ...(head.created !== undefined && { created: head.created }),
      system_fingerprint: head.system_fingerprint ?? this.#head.system_fingerprint ?? null,
    };
    for (const choice of choices) this.#addChoice(choice);
  }

  /** Keeps the usage of a chunk or completion. The last one that was reported counts. */
  noteUsage(usage: object | null | undefined): void {
    if (usage) this.#usage = usage;
  }

  /** The usage that was reported so far; null if there is none. */
  get usage(): ReportedUsage | null {
    return reportedUsageOf(this.#usage);
  }

  /** Whether a reader could see anything of the answer. */
  get hasBegun(): boolean {
    return [...this.#choices.values()].some(
      ({ content, refusal, toolCalls, finishReason }) =>
        Boolean(content) || Boolean(refusal) || toolCalls.size > 0 || finishReason !== null,
    );
  }

  /** Whether all requested answers have ended. */
  isComplete(answers: number): boolean {
    const choices = [...this.#choices.values()];
    return choices.length >= answers && choices.every(({ finishReason }) => finishReason !== null);
  }

  /** @param at epoch milliseconds, used if the provider gave no time */
  answer(at: number): Answer {
    return {
      choices: [...this.#choices]
        .toSorted(([left], [right]) => left - right)
        .map(([index, choice]) => choiceOf(index, choice)),
      providerModel: this.#head.model ?? "",
      systemFingerprint: this.#head.system_fingerprint ?? null,
      createdAt: this.#head.created === undefined ? at : this.#head.created * 1_000,
      cut: false,
      embeddings: [],
    };
  }

  #addChoice({
    index = 0,
    delta,
    message,
    logprobs,
    finish_reason: finishReason,
  }: WireChoice): void {
    const choice = this.#choices.get(index) ?? emptyChoice();
    this.#choices.set(index, choice);
    const added = delta ?? message ?? {};
    if (added.content != null) choice.content = (choice.content ?? "") + added.content;
    if (added.refusal != null) choice.refusal = (choice.refusal ?? "") + added.refusal;
    for (const [position, call] of (added.tool_calls ?? []).entries())
      addToolCall(choice, call, call.index ?? position);
    choice.logprobs.content = joined(choice.logprobs.content, logprobs?.content);
    choice.logprobs.refusal = joined(choice.logprobs.refusal, logprobs?.refusal);
    if (finishReason != null) choice.finishReason = finishReason;
  }
}

function emptyChoice(): GrowingChoice {
  return {
    content: null,
    refusal: null,
    toolCalls: new Map(),
    logprobs: { content: null, refusal: null },
    finishReason: null,
  };
}

function addToolCall({ toolCalls }: GrowingChoice, wire: WireToolCall, index: number): void {
  const call = toolCalls.get(index) ?? { id: "", type: "function", name: "", arguments: "" };
  toolCalls.set(index, {
    id: wire.id ?? call.id,
    type: wire.type ?? call.type,
    name: call.name + (wire.function?.name ?? ""),
    arguments: call.arguments + (wire.function?.arguments ?? ""),
  });
}

function joined(
  before: unknown[] | null,
  more: readonly unknown[] | null | undefined,
): unknown[] | null {
  if (!more) return before;
  if (!before) return [...more];
  before.push(...more);
  return before;
}

function choiceOf(index: number, choice: GrowingChoice): Choice {
  const { content, refusal, toolCalls, logprobs, finishReason } = choice;
  const calls = [...toolCalls.values()].map(({ id, type, name, arguments: args }) => ({
    id,
    type,
    function: { name, arguments: args },
  }));
  const hasLogprobs = logprobs.content !== null || logprobs.refusal !== null;
  // Streams begin with an empty text, which is not an answer next to tool calls or a refusal.
  const hasOther = calls.length > 0 || refusal !== null;
  return {
    index,
    content: hasOther && content === "" ? null : content,
    refusal,
    toolCalls: calls.length > 0 ? JSON.stringify(calls) : null,
    logprobs: hasLogprobs ? JSON.stringify(logprobs) : null,
    finishReason: finishReason ?? "",
  };
}

/**
 * Whether a chunk holds more than the role of the speaker. The stream has then begun for its
 * reader.
 */
export function hasSubstance(choices: readonly WireChoice[]): boolean {
  return choices.some(
    ({ delta, finish_reason: finishReason }) =>
      Boolean(delta?.content) ||
      Boolean(delta?.refusal) ||
      (delta?.tool_calls?.length ?? 0) > 0 ||
      finishReason != null,
  );
}
