import type { Candidate, InferenceRequested, Message } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import { unreadable } from "../../faults.ts";
import type { ProviderBody } from "../provider.ts";
import { isTaken, parametersOf } from "../request-parameters.ts";

/** Fields that the adapter sets itself, whatever the parameters contain. */
const setByAdapter = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
]);

/** The members with the reasoning of an earlier answer. Those of a record may be others too, which only a client reads. */
const reasoningMembers = new Set(["reasoning_content", "reasoning", "reasoning_details"]);

/**
 * Returns the body of `POST /chat/completions`: the client's parameters, the candidate's model, and
 * the candidate's output limit. Unless the provider's dialect names the limit, it has the name that the client used,
 * because some providers know only the older `max_tokens`.
 *
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function chatBodyOf(
  request: InferenceRequested,
  candidate: Candidate,
  stream: boolean,
  { outputLimitParameter, streamOptions, reasoningInHistory, requestMembers }: Dialect,
): ProviderBody {
  const parameters = parametersOf(request);
  const named = parameters["max_tokens"] != null ? "max_tokens" : "max_completion_tokens";
  const limitName = outputLimitParameter ?? named;
  const passed = Object.entries(parameters).filter(
    ([name, value]) => isTaken(name, requestMembers) && !setByAdapter.has(name) && value !== null,
  );
  return {
    ...Object.fromEntries(passed),
    model: candidate.model,
    messages: request.messages.map((message) => wireMessageOf(message, reasoningInHistory)),
    [limitName]: Number(candidate.outputLimit),
    ...(stream && { stream: true }),
    ...(stream && streamOptions && { stream_options: { include_usage: true } }),
  };
}

/** Returns a message for the provider. Only an assistant has reasoned, and only the provider's dialect admits it. */
function wireMessageOf(message: Message, reasoningInHistory: boolean): object {
  const { role, content, parts, toolCalls, toolCallId, name, members } = message;
  const hasReasoned = reasoningInHistory && role === "assistant";
  return {
    ...(hasReasoned && members !== null && reasoningIn(members)),
    role,
    content: contentOf(content, parts, toolCalls),
    ...(name !== null && { name }),
    ...(toolCalls !== null && { tool_calls: parsed(toolCalls, "The tool calls of a message") }),
    ...(toolCallId !== null && { tool_call_id: toolCallId }),
  };
}

/**
 * Returns null instead of an empty text if a message only calls tools, because some providers
 * refuse the empty text.
 */
function contentOf(content: string, parts: string | null, toolCalls: string | null): unknown {
  if (parts !== null) return parsed(parts, "The parts of a message");
  return content === "" && toolCalls !== null ? null : content;
}

function reasoningIn(members: string): object {
  const read = parsed(members, "The members of a message");
  if (typeof read !== "object" || read === null) return {};
  return Object.fromEntries(Object.entries(read).filter(([name]) => reasoningMembers.has(name)));
}

function parsed(json: string, part: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable(part);
  }
}
