import { z } from "zod";

/** More names than any provider documents, and few enough to show all in an error. */
const membersMax = 32;

/**
 * The members of a request of OpenAI's API, for chats and for embeddings. Sluice checks them, sets them, or refuses them
 * with a reason, so a declaration must not admit them unchecked.
 */
export const openAiRequestMembers: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "input",
  "stream",
  "stream_options",
  "n",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "seed",
  "temperature",
  "top_p",
  "frequency_penalty",
  "presence_penalty",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "functions",
  "function_call",
  "response_format",
  "reasoning_effort",
  "verbosity",
  "prediction",
  "web_search_options",
  "audio",
  "modalities",
  "moderation",
  "metadata",
  "store",
  "service_tier",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "dimensions",
  "encoding_format",
]);

/** The output limit in other APIs. A server that knows one of them could write more than Sluice reserved. */
const outputLimits: ReadonlySet<string> = new Set([
  "max_new_tokens",
  "max_output_tokens",
  "num_predict",
  "n_predict",
  "max_length",
]);

/** What the adapter reads of an answer's message. */
const readOfAnswers: ReadonlySet<string> = new Set([
  "role",
  "content",
  "refusal",
  "tool_calls",
  "function_call",
  "audio",
  "reasoning",
  "reasoning_content",
  "reasoning_details",
]);

const memberName = z
  .string()
  .regex(
    /^[a-zA-Z]\w{0,63}$/,
    "expected a letter, then letters, digits and underscores, at most 64 characters",
  );

function namesWithout(problemOf: (name: string) => string | undefined) {
  const name = memberName.superRefine((given, context) => {
    const problem = problemOf(given);
    if (problem !== undefined) context.addIssue(`"${given}" ${problem}`);
  });
  return z.array(name).max(membersMax).optional();
}

export const requestMembers = namesWithout((name) => {
  if (openAiRequestMembers.has(name))
    return "is a member of OpenAI's API, and Sluice decides whether it passes: remove it";
  if (outputLimits.has(name))
    return "would allow longer answers than Sluice reserves money for: remove it, and send max_completion_tokens";
  return undefined;
});

export const answerMembers = namesWithout((name) =>
  readOfAnswers.has(name) ? "is a member that clients receive anyway: remove it" : undefined,
);
