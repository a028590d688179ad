import type { Answer, Choice } from "@sluice/contracts";
import { mergedWireUsage, type ReportedUsage, reportedUsageOf } from "./usage.ts";
import { joinedMembers } from "./joined-members.ts";
import {
  hasReasoning,
  type Members,
  type WireChoice,
  type WireCompletion,
  type WireToolCall,
} from "./wire-completion.ts";

interface GrowingChoice {
  content: string | null;
  refusal: string | null;
  readonly toolCalls: Map<number, GrowingToolCall>;
  readonly logprobs: { content: unknown[] | null; refusal: unknown[] | null };
  members: Members;
  finishReason: string | null;
}

interface GrowingToolCall {
  /** As the provider counts. */
  readonly index: number;
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly arguments: string;
  readonly members: Members;
}

/**
 * Puts an answer together from its chunks, with the usage that came with them. A stream may break
 * after it has reported its usage, so both are kept here and not returned at the end.
 */
export class AnswerAssembly {
  readonly #choices = new Map<number, GrowingChoice>();
  #head: Pick<WireCompletion, "model" | "systemFingerprint" | "createdAt"> = nothingSaid;
  #usage: object | null = null;

  /**
   * Adds a chunk, or a whole completion. Of each member next to the choices the last value counts, and of the usage the
   * last of each class.
   *
   * @returns the choices for the reader of a stream
   */
  add({ model, systemFingerprint, createdAt, usage, choices }: WireCompletion): readonly object[] {
    this.#head = {
      model: model ?? this.#head.model,
      systemFingerprint: systemFingerprint ?? this.#head.systemFingerprint,
      createdAt: createdAt ?? this.#head.createdAt,
    };
    // A provider that reports it with each chunk counts from the beginning. Some end with a part of it, or with zeros.
    this.#usage = mergedWireUsage(this.#usage, usage);
    return choices.map((choice) => this.#addChoice(choice));
  }

  /**
   * Ends the choices to which the provider gave no finish reason, although it said that this was all.
   *
   * @returns their ends, for the reader of a stream
   */
  end(): readonly object[] {
    const open = [...this.#choices].filter(([, { finishReason }]) => finishReason === null);
    for (const [, choice] of open) choice.finishReason = "stop";
    return open.map(([index]) => ({ index, delta: {}, finish_reason: "stop" }));
  }

  /** The usage that was reported so far; null if there is none. */
  get usage(): ReportedUsage | null {
    return reportedUsageOf(this.#usage);
  }

  /** Whether a reader could see anything of the answer. */
  get hasBegun(): boolean {
    return [...this.#choices.values()].some(
      ({ content, refusal, toolCalls, finishReason, members }) =>
        Boolean(content) ||
        Boolean(refusal) ||
        toolCalls.size > 0 ||
        finishReason !== null ||
        hasReasoning(members),
    );
  }

  /** Whether the model has said something, and not only reasoned. */
  get hasSpoken(): boolean {
    return [...this.#choices.values()].some(
      ({ content, refusal, toolCalls }) =>
        Boolean(content) || Boolean(refusal) || toolCalls.size > 0,
    );
  }

  /** Whether all requested answers have ended. */
  isComplete(answers: number): boolean {
    return this.#choices.size >= answers && this.hasEnded;
  }

  /** Whether each answer that has begun has ended, and there is at least one. */
  get hasEnded(): boolean {
    const choices = [...this.#choices.values()];
    return choices.length > 0 && choices.every(({ finishReason }) => finishReason !== null);
  }

  /** @param at epoch milliseconds, used if the provider gave no time */
  answer(at: number): Answer {
    return {
      choices: [...this.#choices]
        .toSorted(([left], [right]) => left - right)
        .map(([index, choice]) => choiceOf(index, choice)),
      providerModel: this.#head.model ?? "",
      systemFingerprint: this.#head.systemFingerprint,
      createdAt: this.#head.createdAt ?? at,
      cut: false,
      embeddings: [],
    };
  }

  #addChoice(added: WireChoice): object {
    const { index, content, refusal, toolCalls, logprobs, finishReason, forwarded } = added;
    const choice = this.#choices.get(index) ?? emptyChoice();
    this.#choices.set(index, choice);
    if (content !== null) choice.content = (choice.content ?? "") + content;
    if (refusal !== null) choice.refusal = (choice.refusal ?? "") + refusal;
    const places = toolCalls.map((call) => addToolCall(choice, call));
    choice.members = joinedMembers(choice.members, added.members);
    choice.logprobs.content = joined(choice.logprobs.content, logprobs.content);
    choice.logprobs.refusal = joined(choice.logprobs.refusal, logprobs.refusal);
    if (finishReason !== null) choice.finishReason = finishReason;
    return places.every((place, at) => place === toolCalls[at]?.index)
      ? forwarded
      : withPlaces(forwarded, places);
  }
}

const nothingSaid = { model: null, systemFingerprint: null, createdAt: null };

function emptyChoice(): GrowingChoice {
  return {
    content: null,
    refusal: null,
    toolCalls: new Map(),
    logprobs: { content: null, refusal: null },
    members: {},
    finishReason: null,
  };
}

/** Returns the place of the call in the answer. Gemini gives parallel calls the same index and different ids. */
function addToolCall({ toolCalls }: GrowingChoice, wire: WireToolCall): number {
  const place = placeOf(toolCalls, wire);
  const call = toolCalls.get(place) ?? emptyCall;
  toolCalls.set(place, {
    index: wire.index,
    // Some providers repeat both as empty texts.
    id: wire.id || call.id,
    type: wire.type || call.type,
    // Some repeat the whole name.
    name: wire.name === call.name ? call.name : call.name + wire.name,
    arguments: call.arguments + wire.arguments,
    members: joinedMembers(call.members, wire.members),
  });
  return place;
}

function placeOf(calls: ReadonlyMap<number, GrowingToolCall>, { index, id }: WireToolCall): number {
  const last = [...calls].findLast(([, call]) => call.index === index);
  // A delta without an id continues the last call that has its index.
  if (!last || !id || !last[1].id) return last?.[0] ?? index;
  const same = [...calls].find(([, call]) => call.id === id);
  return same?.[0] ?? Math.max(...calls.keys()) + 1;
}

function withPlaces(forwarded: WireChoice["forwarded"], places: readonly number[]): object {
  const { delta } = forwarded;
  const calls = delta.tool_calls?.map((call, at) => ({ ...call, index: places[at] ?? at }));
  return { ...forwarded, delta: { ...delta, tool_calls: calls } };
}

const emptyCall: GrowingToolCall = {
  index: 0,
  id: "",
  type: "function",
  name: "",
  arguments: "",
  members: {},
};

function joined(before: unknown[] | null, more: readonly unknown[] | null): unknown[] | null {
  if (!more) return before;
  if (!before) return [...more];
  before.push(...more);
  return before;
}

function choiceOf(index: number, choice: GrowingChoice): Choice {
  const { content, refusal, toolCalls, logprobs, members, finishReason } = choice;
  const calls = [...toolCalls.values()].map(
    ({ id, type, name, arguments: args, members: more }) => ({
      ...more,
      id,
      type,
      function: { name, arguments: args },
    }),
  );
  const hasLogprobs = logprobs.content !== null || logprobs.refusal !== null;
  // Streams begin with an empty text, which is not an answer next to tool calls or a refusal.
  const hasOther = calls.length > 0 || refusal !== null;
  return {
    index,
    content: hasOther && content === "" ? null : content,
    refusal,
    toolCalls: calls.length > 0 ? JSON.stringify(calls) : null,
    logprobs: hasLogprobs ? JSON.stringify(logprobs) : null,
    members: Object.keys(members).length > 0 ? JSON.stringify(members) : null,
    finishReason: finishReason ?? "",
  };
}
