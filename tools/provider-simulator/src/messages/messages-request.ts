import type { AnswerForm, AnswerRequest } from "../answers/answer-request.ts";
import { endingIn } from "../faults/prompt-markers.ts";
import { digestOf } from "../seeded.ts";
import { LABEL } from "../tokens.ts";
import type { ContentBlock } from "./block-schemas.ts";
import { checkCitations, checkHistory } from "./history-checks.ts";
import { invalid, invalidBody } from "./invalid-request.ts";
import {
  breakpointsIn,
  identityOf,
  promptBlocksOf,
  textsOf,
  type PromptBlock,
} from "./prompt-blocks.ts";
import type { ApiVersion } from "./request-headers.ts";
import { messagesBodies, type MessagesBody } from "./request-schema.ts";

export interface MessagesRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly answer: AnswerRequest;
  /** Whether the answer may contain a thought. */
  readonly thinks: boolean;
  /** Whether the client wants the signature of a thought without its text. */
  readonly omitsThought: boolean;
  readonly blocks: readonly PromptBlock[];
  /** The parameters that providers write into the prompt after the last block. */
  readonly parameterTexts: readonly string[];
  /** The text in which faults search for markers. */
  readonly promptText: string;
}

const BREAKPOINTS_MAX = 4;

/**
 * Parses the body of `POST /v1/messages`.
 *
 * @throws ApiError 400 that names the first member that Anthropic would refuse
 */
export function parseMessagesRequest(value: unknown, version: ApiVersion): MessagesRequest {
  const parsed = messagesBodies[version].safeParse(value);
  if (!parsed.success) throw invalidBody(parsed.error);
  const body = parsed.data;
  checkParameters(body);
  checkHistory(body);
  if (version === "2026-10-21") checkCitations(body);
  checkBreakpoints(body);

  const { model, stream = false, thinking, tool_choice: toolChoice, output_config: output } = body;
  const promptText = promptTextOf(body);
  return {
    model,
    stream,
    answer: answerRequestOf(body, promptText),
    thinks: thinking !== undefined && thinking.type !== "disabled",
    omitsThought:
      thinking !== undefined && thinking.type !== "disabled" && thinking.display === "omitted",
    blocks: promptBlocksOf(body),
    parameterTexts: [toolChoice, output].flatMap((part) => (part ? [JSON.stringify(part)] : [])),
    promptText,
  };
}

function answerRequestOf(body: MessagesBody, promptText: string): AnswerRequest {
  const { model, system = [], messages, tools = [], output_config: output, thinking } = body;
  const form = formOf(body);
  const budget = thinking?.type === "enabled" ? thinking.budget_tokens : body.max_tokens;
  return {
    model,
    promptDigest: digestOf(
      system.map(identityOf),
      messages.map(({ role, content }) => [role, content.map(identityOf)]),
      tools.map(identityOf),
      output?.format ?? null,
      form,
    ),
    texts: contentOf(body).flatMap(textsOf),
    form,
    tokensMax: body.max_tokens,
    reasoningTokensMax: (thinking?.type ?? "disabled") === "disabled" ? 0 : budget,
    choices: 1,
    // If the label itself were a stop text, the answer would not contain it.
    stops: (body.stop_sequences ?? []).filter((text) => text !== LABEL),
    ending: endingIn(promptText),
  };
}

/** Returns the blocks of the system prompt and of all messages. */
function contentOf({ system = [], messages }: MessagesBody): readonly ContentBlock[] {
  return [...system, ...messages.flatMap(({ content }): readonly ContentBlock[] => content)];
}

/** Returns the text of a prompt as the chat does, with one line for each block. */
function promptTextOf({ system = [], messages }: MessagesBody): string {
  return [{ role: "system", content: system }, ...messages]
    .flatMap(({ role, content }) => content.flatMap(textsOf).map((text) => `${role}: ${text}`))
    .join("\n");
}

function formOf({
  tools = [],
  tool_choice: choice,
  output_config: output,
}: MessagesBody): AnswerForm {
  if (choice?.type === "any" || choice?.type === "tool") {
    const found =
      choice.type === "tool" ? tools.find(({ name }) => name === choice.name) : tools[0];
    if (!found) throw invalid("tool_choice", "Tool not found in provided tools");
    return { kind: "tool", tool: { name: found.name, parameters: found.input_schema } };
  }
  const format = output?.format;
  return format ? { kind: "json", schema: format.schema } : { kind: "text" };
}

/** Checks the combinations of parameters that Anthropic's guides exclude. */
function checkParameters(body: MessagesBody): void {
  const { thinking, tools = [], tool_choice: choice, temperature, top_p: topP } = body;
  if (choice && tools.length === 0)
    throw invalid("tool_choice", "tool_choice may only be specified while providing tools");
  if (new Set(tools.map(({ name }) => name)).size < tools.length)
    throw invalid("tools", "Tool names must be unique");
  if (temperature !== undefined && topP !== undefined)
    throw invalid("top_p", "temperature and top_p cannot both be specified for this model");
  if (!thinking || thinking.type === "disabled") return;

  if (thinking.type === "enabled" && thinking.budget_tokens >= body.max_tokens)
    throw invalid("max_tokens", "must be greater than thinking.budget_tokens");
  if (choice?.type === "any" || choice?.type === "tool")
    throw invalid("tool_choice", "Thinking may not be enabled when tool_choice forces tool use");
  if (temperature !== undefined && temperature !== 1)
    throw invalid("temperature", "may only be set to 1 when thinking is enabled");
  if (topP !== undefined && topP < 0.95)
    throw invalid("top_p", "must be at least 0.95 when thinking is enabled");
  if (body.top_k !== undefined) throw invalid("top_k", "must be unset when thinking is enabled");
}

function checkBreakpoints(body: MessagesBody): void {
  const own = body.cache_control ? [body.cache_control.ttl] : [];
  const blocks = [...(body.tools ?? []), ...contentOf(body)];
  const lives = [...blocks.flatMap(breakpointsIn), ...own];
  if (lives.length > BREAKPOINTS_MAX)
    throw invalid(
      "cache_control",
      `A maximum of ${BREAKPOINTS_MAX} blocks with cache_control may be provided. Found ${lives.length}`,
    );
  const firstShort = lives.indexOf("5m");
  if (firstShort >= 0 && lives.lastIndexOf("1h") > firstShort)
    throw invalid(
      "cache_control.ttl",
      "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
    );
}
