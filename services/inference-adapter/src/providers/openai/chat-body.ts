import type { Candidate, InferenceRequested, Message } from "@sluice/contracts";
import { unreadable } from "../../faults.ts";
import type { ProviderBody } from "../provider.ts";

/** Ours to set, whatever the parameters say. */
const ours = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
]);

/**
 * The body of `POST /chat/completions`: the caller's parameters, the candidate's
 * model, and its output limit under the name that the caller chose (some
 * providers know only the older `max_tokens`).
 *
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function chatBodyOf(
  request: InferenceRequested,
  candidate: Candidate,
  stream: boolean,
): ProviderBody {
  const parameters = parametersOf(request);
  const limitName = parameters["max_tokens"] != null ? "max_tokens" : "max_completion_tokens";
  const passed = Object.entries(parameters).filter(
    ([name, value]) => !ours.has(name) && value !== null,
  );
  return {
    ...Object.fromEntries(passed),
    model: candidate.model,
    messages: request.messages.map(wireMessageOf),
    [limitName]: Number(candidate.outputLimit),
    ...(stream && { stream: true, stream_options: { include_usage: true } }),
  };
}

/** @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE` */
export function parametersOf({
  parameters,
}: InferenceRequested): Readonly<Record<string, unknown>> {
  const read = parsed(parameters, "The parameters");
  if (typeof read !== "object" || read === null || Array.isArray(read))
    throw unreadable("The parameters");
  return { ...read };
}

function wireMessageOf(message: Message): object {
  const { role, content, parts, toolCalls, toolCallId, name } = message;
  return {
    role,
    content: contentOf(content, parts, toolCalls),
    ...(name !== null && { name }),
    ...(toolCalls !== null && { tool_calls: parsed(toolCalls, "The tool calls of a message") }),
    ...(toolCallId !== null && { tool_call_id: toolCallId }),
  };
}

/** An assistant that only called tools said nothing; some providers refuse the empty text. */
function contentOf(content: string, parts: string | null, toolCalls: string | null): unknown {
  if (parts !== null) return parsed(parts, "The parts of a message");
  return content === "" && toolCalls !== null ? null : content;
}

function parsed(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable(what);
  }
}
