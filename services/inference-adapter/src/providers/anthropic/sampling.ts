import type { Sampling } from "./messages-api.ts";
import { type Unsupported, unsupported } from "./unsupported.ts";

type Parameters = Readonly<Record<string, unknown>>;

/** Parameters that change the answer and have no counterpart, unless they have the value that changes nothing. */
const withoutCounterpart: readonly {
  readonly name: string;
  readonly changesNothing: (value: unknown) => boolean;
}[] = [
  { name: "n", changesNothing: (value) => value === 1 },
  { name: "logprobs", changesNothing: (value) => value === false },
  { name: "top_logprobs", changesNothing: () => false },
  { name: "frequency_penalty", changesNothing: (value) => value === 0 },
  { name: "presence_penalty", changesNothing: (value) => value === 0 },
  { name: "logit_bias", changesNothing: (value) => Object.keys(Object(value)).length === 0 },
  { name: "verbosity", changesNothing: (value) => value === "medium" },
];

/** The most characters of a user's id that the API takes. Without one, its provider only sees less of abuse. */
const userLengthMax = 256;

/**
 * Returns the members that decide how an answer is drawn and where it ends. As Anthropic's own compatibility layer
 * does, a temperature above 1 is sent as 1, and a stop text of blanks is left out (platform.claude.com, "OpenAI SDK
 * compatibility"). Values that change nothing are left out, because newer models refuse the parameter itself.
 */
export function samplingOf(parameters: Parameters): Sampling | Unsupported {
  for (const { name, changesNothing } of withoutCounterpart)
    if (parameters[name] != null && !changesNothing(parameters[name]))
      return unsupported(name, "it has no such parameter");
  const { temperature, top_p: topP, stop, user, response_format: format } = parameters;
  const { type, json_schema: described } = membersOf(format);
  if (type === "json_object")
    return unsupported("response_format", "it has no JSON mode; use a 'json_schema'");
  const { schema } = membersOf(described);
  const stops = (Array.isArray(stop) ? stop : [stop]).filter(
    (text): text is string => typeof text === "string" && text.trim() !== "",
  );
  return {
    ...(typeof temperature === "number" && temperature < 1 && { temperature }),
    ...(typeof topP === "number" && topP < 1 && { top_p: topP }),
    ...(stops.length > 0 && { stop_sequences: stops }),
    ...(typeof user === "string" &&
      user.length <= userLengthMax && { metadata: { user_id: user } }),
    ...(type === "json_schema" && {
      output_config: { format: { type: "json_schema" as const, schema: { ...membersOf(schema) } } },
    }),
  };
}

function membersOf(value: unknown): Parameters {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
