import type { PromptCache } from "@sluice/declarations";
import type { AnswerPart, ChoicePart, Members } from "../answer/answer-part.ts";
import type { AnswerReader, ReadValue } from "../wire/answer-exchange.ts";
import type { WireEvent } from "../wire/event-stream.ts";
import { wireErrorIn } from "../wire/wire-error.ts";
import { encryptedMembers, signatureMembers, thinkingMembers } from "./thoughts.ts";
import { joinedMessageUsage, messageUsageOf } from "./usage.ts";

/** The API makes one answer for each request. */
const choice = 0;

/** The most characters of a model and of a stop reason, which nothing else bounds. */
const labelLengthMax = 256;

/** Anthropic's stop reasons as OpenAI's finish reasons. Others are passed on as they are. */
const finishReasons: ReadonlyMap<string, string> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool_calls"],
  ["refusal", "content_filter"],
]);

interface ReadCall {
  /** The place among the calls. */
  readonly index: number;
  hasArguments: boolean;
}

/** Reads a message: its events, or the whole of it. */
export class MessageReader implements AnswerReader {
  readonly #cacheDuration: PromptCache["duration"];
  #usage: object | null = null;
  /** The tool calls, by the place of their block among all blocks. */
  readonly #calls = new Map<number, ReadCall>();

  /** @param cacheDuration for how long the prompt was asked to be cached */
  constructor(cacheDuration: PromptCache["duration"] = "5m") {
    this.#cacheDuration = cacheDuration;
  }

  read(value: unknown): ReadValue {
    const read = membersOf(value);
    const parts = this.#partsOf(read);
    // An event of a new type means nothing here, whatever words it has.
    const mayBeError = read["type"] === undefined || read["type"] === "error" || "error" in read;
    return { error: parts || !mayBeError ? null : wireErrorIn(value), parts: parts ?? [] };
  }

  isLast({ event, data }: WireEvent): boolean {
    return event === "message_stop" || (!event && /"type"\s*:\s*"message_stop"/.test(data));
  }

  /** Returns the parts of an event or a message; undefined if the value is neither. */
  #partsOf(read: Members): readonly AnswerPart[] | undefined {
    const at = placeOf(read["index"]);
    switch (read["type"]) {
      case "message":
        return this.#messageParts(read);
      case "message_start": {
        const { usage, ...message } = membersOf(read["message"]);
        // What it says about the output is a beginning, which would pass for all of it if the stream broke.
        const {
          output_tokens: _output,
          output_tokens_details: _details,
          ...input
        } = membersOf(usage);
        return this.#messageParts({ ...message, usage: input });
      }
      case "content_block_start":
        return this.#blockParts(membersOf(read["content_block"]), at);
      case "content_block_delta":
        return this.#deltaParts(membersOf(read["delta"]), at);
      case "message_delta": {
        const { stop_reason: reason, stop_details: details } = membersOf(read["delta"]);
        return [...endParts(reason, details), ...this.#usageParts(read["usage"])];
      }
      case "content_block_stop":
        return this.#callEndParts(at);
      case "message_stop":
      case "ping":
        return [];
      default:
        return undefined;
    }
  }

  #messageParts(message: Members): readonly AnswerPart[] {
    const { model, role, content, stop_reason: reason, stop_details: details, usage } = message;
    const blocks = Array.isArray(content) ? content.map(membersOf) : [];
    return [
      { kind: "origin", model: labelOf(model), systemFingerprint: null, createdAt: null },
      ...this.#usageParts(usage),
      { kind: "others", choice, ofMessage: { role: role ?? "assistant" }, ofChoice: {} },
      ...blocks.flatMap((block, at) => [...this.#blockParts(block, at), ...this.#callEndParts(at)]),
      ...endParts(reason, details),
    ];
  }

  #blockParts(block: Members, at: number): readonly ChoicePart[] {
    const { type, text, thinking, signature, data, id, name, input } = block;
    switch (type) {
      case "text":
        return [{ kind: "text", choice, text: textOf(text) }];
      case "thinking":
        return [
          ...thoughtParts(at, thinking),
          ...(signature ? [reasoning(signatureMembers(at, textOf(signature)))] : []),
        ];
      case "redacted_thinking":
        return [reasoning(encryptedMembers(at, textOf(data)))];
      case "tool_use": {
        const call = { index: this.#calls.size, hasArguments: false };
        this.#calls.set(at, call);
        const named = { id: textOf(id), type: "function", name: textOf(name), members: {} };
        const begun = { kind: "tool_call", choice, index: call.index, ...named } as const;
        // In a stream the input is empty here, and its text follows.
        call.hasArguments = Object.keys(membersOf(input)).length > 0;
        return [{ ...begun, arguments: call.hasArguments ? JSON.stringify(input) : "" }];
      }
      default:
        // Only tools of the provider have other blocks, and none is declared for it.
        return [];
    }
  }

  #deltaParts(delta: Members, at: number): readonly ChoicePart[] {
    const { type, text, thinking, signature, partial_json: json } = delta;
    switch (type) {
      case "text_delta":
        return [{ kind: "text", choice, text: textOf(text) }];
      case "thinking_delta":
        return thoughtParts(at, thinking);
      case "signature_delta":
        return [reasoning(signatureMembers(at, textOf(signature)))];
      case "input_json_delta":
        return this.#argumentParts(at, textOf(json));
      default:
        return [];
    }
  }

  #argumentParts(at: number, text: string): readonly ChoicePart[] {
    const call = this.#calls.get(at);
    if (!call || text === "") return [];
    call.hasArguments = true;
    const nothing = { id: null, type: null, name: null, members: {} };
    return [{ kind: "tool_call", choice, index: call.index, ...nothing, arguments: text }];
  }

  /** A tool without parameters is called without a text, and clients parse the arguments as JSON. */
  #callEndParts(at: number): readonly ChoicePart[] {
    return this.#calls.get(at)?.hasArguments === false ? this.#argumentParts(at, "{}") : [];
  }

  #usageParts(wire: unknown): readonly AnswerPart[] {
    const more = typeof wire === "object" ? wire : null;
    this.#usage = joinedMessageUsage(this.#usage, more);
    const usage = more && messageUsageOf(this.#usage, this.#cacheDuration);
    return usage ? [{ kind: "usage", usage }] : [];
  }
}

function reasoning(members: Members): ChoicePart {
  return { kind: "reasoning", choice, members };
}

/** An empty piece, with which a block begins, shows nothing to a reader. */
function thoughtParts(at: number, thinking: unknown): readonly ChoicePart[] {
  const text = textOf(thinking);
  return text === "" ? [] : [reasoning(thinkingMembers(at, text))];
}

/** Returns the end of the answer, and the provider's words if it refused to answer. */
function endParts(reason: unknown, details: unknown): readonly ChoicePart[] {
  const label = labelOf(reason);
  if (!label) return [];
  const { type, explanation } = membersOf(details);
  return [
    ...(type === "refusal" && typeof explanation === "string"
      ? [{ kind: "refusal", choice, text: explanation } as const]
      : []),
    { kind: "end", choice, reason: finishReasons.get(label) ?? label },
  ];
}

function placeOf(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : 0;
}

function labelOf(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, labelLengthMax) : null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
