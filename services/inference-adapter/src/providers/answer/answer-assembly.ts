import type { Answer, Choice } from "@sluice/contracts";
import {
  type AnswerEnd,
  type AnswerOrigin,
  type AnswerPart,
  type AnswerToolCall,
  type ChoicePart,
  hasReasoning,
  type Members,
  type ReportedUsage,
} from "./answer-part.ts";
import { joinedMembers } from "./joined-members.ts";

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
 * Puts an answer together from its parts, with the usage that came with them. A stream may break
 * after it has reported its usage, so both are kept here and not returned at the end.
 */
export class AnswerAssembly {
  readonly #choices = new Map<number, GrowingChoice>();
  #origin: Omit<AnswerOrigin, "kind"> = nothingSaid;
  #usage: ReportedUsage | null = null;

  /**
   * Adds a part. Of the origin the last value of each member counts.
   *
   * @returns the part for the reader of a stream, to whom each tool call has a place of its own
   */
  add(part: AnswerPart): AnswerPart {
    if ("choice" in part) return this.#addToChoice(part);
    if (part.kind === "usage") this.#usage = part.usage;
    else
      this.#origin = {
        model: part.model ?? this.#origin.model,
        systemFingerprint: part.systemFingerprint ?? this.#origin.systemFingerprint,
        createdAt: part.createdAt ?? this.#origin.createdAt,
      };
    return part;
  }

  /**
   * Ends the choices to which the provider gave no finish reason, although it said that this was all.
   *
   * @returns their ends, for the reader of a stream
   */
  end(): readonly AnswerEnd[] {
    const open = [...this.#choices].filter(([, { finishReason }]) => finishReason === null);
    for (const [, choice] of open) choice.finishReason = "stop";
    return open.map(([choice]) => ({ kind: "end", choice, reason: "stop" }));
  }

  /** The usage that was reported so far; null if there is none. */
  get usage(): ReportedUsage | null {
    return this.#usage;
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
      providerModel: this.#origin.model ?? "",
      systemFingerprint: this.#origin.systemFingerprint,
      createdAt: this.#origin.createdAt ?? at,
      cut: false,
      embeddings: [],
    };
  }

  #addToChoice(part: ChoicePart): ChoicePart {
    const choice = this.#choices.get(part.choice) ?? emptyChoice();
    this.#choices.set(part.choice, choice);
    switch (part.kind) {
      case "text":
        if (part.text !== null) choice.content = (choice.content ?? "") + part.text;
        return part;
      case "refusal":
        if (part.text !== null) choice.refusal = (choice.refusal ?? "") + part.text;
        return part;
      case "reasoning":
      case "declared":
        choice.members = joinedMembers(choice.members, part.members);
        return part;
      case "tool_call":
        return { ...part, index: addToolCall(choice, part) };
      case "logprobs":
        choice.logprobs.content = joined(choice.logprobs.content, part.content);
        choice.logprobs.refusal = joined(choice.logprobs.refusal, part.refusal);
        return part;
      case "end":
        choice.finishReason = part.reason;
        return part;
      case "others":
        return part;
      default:
        return part satisfies never;
    }
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
function addToolCall({ toolCalls }: GrowingChoice, part: AnswerToolCall): number {
  const place = placeOf(toolCalls, part);
  const call = toolCalls.get(place) ?? emptyCall;
  const name = part.name ?? "";
  toolCalls.set(place, {
    index: part.index,
    // Some providers repeat both as empty texts.
    id: part.id || call.id,
    type: part.type || call.type,
    // Some repeat the whole name.
    name: name === call.name ? call.name : call.name + name,
    arguments: call.arguments + (part.arguments ?? ""),
    members: joinedMembers(call.members, part.members),
  });
  return place;
}

function placeOf(
  calls: ReadonlyMap<number, GrowingToolCall>,
  { index, id }: AnswerToolCall,
): number {
  const last = [...calls].findLast(([, call]) => call.index === index);
  // A delta without an id continues the last call that has its index.
  if (!last || !id || !last[1].id) return last?.[0] ?? index;
  const same = [...calls].find(([, call]) => call.id === id);
  return same?.[0] ?? Math.max(...calls.keys()) + 1;
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
