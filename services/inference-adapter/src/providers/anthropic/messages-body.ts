import type { Candidate, InferenceRequested } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import { parametersOf } from "../request-parameters.ts";
import { withBreakpoints } from "./cache-breakpoints.ts";
import { conversationOf } from "./conversation.ts";
import type { MessagesBody } from "./messages-api.ts";
import { samplingOf } from "./sampling.ts";
import { thinkingOf } from "./thinking.ts";
import { toolsOf } from "./tools.ts";
import { isUnsupported, type Unsupported } from "./unsupported.ts";

/**
 * Returns the body of `POST /v1/messages`, or why Anthropic's API cannot answer the request. Parameters that only say
 * how a request is to be handled are left out, and those that would change the answer are not.
 *
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function messagesBodyOf(
  request: InferenceRequested,
  candidate: Candidate,
  stream: boolean,
  dialect: Dialect,
): MessagesBody | Unsupported {
  const parameters = parametersOf(request);
  const sampling = samplingOf(parameters);
  if (isUnsupported(sampling)) return sampling;
  const tools = toolsOf(parameters);
  if (isUnsupported(tools)) return tools;
  const conversation = conversationOf(request.messages, dialect.reasoningInHistory);
  if (isUnsupported(conversation)) return conversation;
  const outputLimit = Number(candidate.outputLimit);
  const added = Object.entries(parameters).filter(
    ([name, value]) => dialect.requestMembers.includes(name) && value !== null,
  );
  const prompt = withBreakpoints({ tools: tools.tools, ...conversation }, dialect.promptCache);
  return {
    ...Object.fromEntries(added),
    model: candidate.model,
    max_tokens: outputLimit,
    messages: prompt.messages,
    ...(prompt.system.length > 0 && { system: prompt.system }),
    ...(prompt.tools.length > 0 && { tools: prompt.tools }),
    ...(tools.choice && { tool_choice: tools.choice }),
    ...sampling,
    ...thinkingOf(parameters, {
      outputLimit,
      by: dialect.thinking,
      conversation,
      sampling,
      forcesTool: tools.choice?.type === "any" || tools.choice?.type === "tool",
    }),
    ...(stream && { stream: true }),
  };
}
