import type { ChunkChoices } from "@sluice/request-state";
import type {
  AnswerPart,
  AnswerToolCall,
  ChoicePart,
  Members,
} from "../providers/answer/answer-part.ts";
import { joinedMembers } from "../providers/answer/joined-members.ts";

/**
 * Returns the `choices` of a chunk of OpenAI's API, in which live answers travel to the client, for parts that arrived
 * together. Clients with strict types require an index, a delta and a finish reason in every choice.
 */
export function choicesOf(parts: readonly AnswerPart[]): ChunkChoices {
  const byChoice = Map.groupBy(
    parts.filter((part) => "choice" in part),
    ({ choice }) => choice,
  );
  return [...byChoice].map(([index, ofChoice]) => choiceOf(index, ofChoice));
}

function choiceOf(index: number, parts: readonly ChoicePart[]): object {
  const delta: Record<string, unknown> = {};
  const choice: Record<string, unknown> = { index, delta, finish_reason: null };
  const calls: object[] = [];
  let members: Members = {};
  for (const part of parts)
    switch (part.kind) {
      case "text":
        delta["content"] = joined(delta["content"], part.text);
        break;
      case "refusal":
        delta["refusal"] = joined(delta["refusal"], part.text);
        break;
      case "reasoning":
      case "declared":
        members = joinedMembers(members, part.members);
        Object.assign(delta, members);
        break;
      case "tool_call":
        calls.push(callOf(part));
        delta["tool_calls"] = calls;
        break;
      case "logprobs":
        choice["logprobs"] = { content: part.content, refusal: part.refusal };
        break;
      case "end":
        choice["finish_reason"] = part.reason;
        break;
      case "others":
        Object.assign(delta, part.ofMessage);
        Object.assign(choice, part.ofChoice);
        break;
      default:
        part satisfies never;
    }
  return choice;
}

function joined(before: unknown, text: string | null): string | null {
  return typeof before === "string" ? before + (text ?? "") : text;
}

/** Returns a tool call. What did not arrive stays out, because an empty text would replace what a reader has. */
function callOf({ index, id, type, name, arguments: args, members }: AnswerToolCall): object {
  const called = { ...(name !== null && { name }), ...(args !== null && { arguments: args }) };
  return {
    ...members,
    index,
    ...(id !== null && { id }),
    ...(type !== null && { type }),
    ...(Object.keys(called).length > 0 && { function: called }),
  };
}
