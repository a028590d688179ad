import type { Usage } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** Members under the names of the provider, of which the product only knows some. */
export type Members = Readonly<Record<string, unknown>>;

/** What a provider reported about the tokens of a call. */
export interface ReportedUsage {
  /** Each token is in one class; a class is null if it was not reported. */
  readonly usage: Usage;
  /** The provider's own object as JSON; null if it is too large to be stored. */
  readonly raw: string | null;
}

/** Whether a provider has reported anything of what it made. */
export function countsOutput(reported: ReportedUsage | null): boolean {
  const { outputTokens = null, reasoningTokens = null } = reported?.usage ?? {};
  return outputTokens !== null || reasoningTokens !== null;
}

/** A part of an answer as it arrives, in the same form for every protocol. */
export type AnswerPart = AnswerOrigin | AnswerUsage | ChoicePart;

/** A part of one of the answers to a request, which are counted from 0. */
export type ChoicePart =
  | AnswerText
  | AnswerRefusal
  | AnswerReasoning
  | AnswerToolCall
  | AnswerLogprobs
  | AnswerEnd
  | DeclaredMembers
  | OtherMembers;

/** Which model answers. A member is null if it is not known yet. */
export interface AnswerOrigin {
  readonly kind: "origin";
  readonly model: string | null;
  readonly systemFingerprint: string | null;
  readonly createdAt: EpochMillis | null;
}

/** What was reported until now. Later parts replace earlier ones. */
export interface AnswerUsage {
  readonly kind: "usage";
  readonly usage: ReportedUsage;
}

export interface AnswerText {
  readonly kind: "text";
  readonly choice: number;
  /** null if the answer says that it has no text, as before a tool call. */
  readonly text: string | null;
}

export interface AnswerRefusal {
  readonly kind: "refusal";
  readonly choice: number;
  readonly text: string | null;
}

/**
 * Reasoning under the names that clients of OpenAI's API know: `reasoning_content` or `reasoning` is text, and
 * `reasoning_details` is a list with what the provider requires back. A client may send them back in a history.
 */
export interface AnswerReasoning {
  readonly kind: "reasoning";
  readonly choice: number;
  readonly members: Members;
}

/** A tool call, or the next part of one. A member that did not arrive is null. */
export interface AnswerToolCall {
  readonly kind: "tool_call";
  readonly choice: number;
  /** As the provider counts the calls of the answer. */
  readonly index: number;
  readonly id: string | null;
  readonly type: string | null;
  readonly name: string | null;
  /** A piece of the arguments, which are JSON. */
  readonly arguments: string | null;
  /** Other members: for example the signature of the reasoning that led to the call. */
  readonly members: Members;
}

export interface AnswerLogprobs {
  readonly kind: "logprobs";
  readonly choice: number;
  readonly content: readonly unknown[] | null;
  readonly refusal: readonly unknown[] | null;
}

export interface AnswerEnd {
  readonly kind: "end";
  readonly choice: number;
  /** A finish reason of OpenAI's API, or the provider's own. */
  readonly reason: string;
}

/** Members of a message that are declared as `answerMembers`, such as annotations, under the names of the provider. */
export interface DeclaredMembers {
  readonly kind: "declared";
  readonly choice: number;
  readonly members: Members;
}

/** Members that only the reader of a stream receives, such as the role of the speaker. */
export interface OtherMembers {
  readonly kind: "others";
  readonly choice: number;
  readonly ofMessage: Members;
  readonly ofChoice: Members;
}

/** Whether a reader could see anything in a part, and not only who speaks. */
export function hasSubstance(part: AnswerPart): boolean {
  switch (part.kind) {
    case "text":
    case "refusal":
      return Boolean(part.text);
    case "reasoning":
      return hasReasoning(part.members);
    case "tool_call":
    case "end":
      return true;
    case "origin":
    case "usage":
    case "logprobs":
    case "declared":
    case "others":
      return false;
    default:
      return part satisfies never;
  }
}

/** The members of a message in which models show their reasoning. */
export const reasoningNames: readonly string[] = [
  "reasoning_content",
  "reasoning",
  "reasoning_details",
];

/** Whether a reader could see anything of the reasoning. Other members, such as an empty list, say nothing. */
export function hasReasoning(members: Members): boolean {
  return reasoningNames.some((name) => {
    const value = members[name];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
}
