import type { AdditionalMembers } from "@sluice/declarations";
import { parsed, type Parsed, type Refusal, refused } from "./refusal.ts";

type Members = Readonly<Record<string, unknown>>;

/** What a client can do about an unknown parameter: it may be one that the provider of a model knows. */
export const unknownRemedy =
  "Remove it, or have it allowed with requestMembers of a model in sluice.yaml.";

interface Split {
  /** The members that OpenAI's API has, or that no model allows. */
  readonly others: unknown;
  /** In the order of their names, so that equal requests have equal records. */
  readonly additional: Members;
}

/**
 * Separates the additional members that some model allows. The dispatcher finds the models that allow all of them.
 *
 * @param within the path of the value, for a refusal
 */
export function splitAdditional(
  value: unknown,
  { requestMembers }: AdditionalMembers,
  within: readonly string[] = [],
): Parsed<Split> {
  if (!isObject(value)) return parsed({ others: value, additional: {} });
  const entries = Object.entries(value);
  const additional = entries.filter(([name]) => requestMembers.has(name));
  if (additional.length === 0) return parsed({ others: value, additional: {} });
  const members = Object.fromEntries(additional.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return (
    programRefusalOf(members, within) ??
    parsed({
      others: Object.fromEntries(entries.filter(([name]) => !requestMembers.has(name))),
      additional: members,
    })
  );
}

/**
 * Refuses a chat template inside `chat_template_kwargs`. vLLM would use it instead of the model's own, and a template is a
 * program: nested loops in it keep the server busy for all clients (advisory GHSA-6fvq-23cw-5628 of vllm-project/vllm).
 * Newer servers refuse it too, but Sluice does not know which version answers.
 */
function programRefusalOf(
  { chat_template_kwargs: given }: Members,
  within: readonly string[],
): Refusal | undefined {
  if (!isObject(given) || !Object.hasOwn(given, "chat_template")) return undefined;
  const param = [...within, "chat_template_kwargs", "chat_template"].join(".");
  const problem = "it is a program, which the server would run";
  return refused(
    "unsupported_parameter",
    `Unsupported parameter: '${param}': ${problem}. Remove it.`,
    param,
  );
}

/**
 * Returns the body without the additional members of earlier answers, which clients send back in the history. No provider
 * receives them: one that did not give them could refuse them.
 */
export function withoutAnswerMembers(body: unknown, { answerMembers }: AdditionalMembers): unknown {
  if (answerMembers.size === 0 || !isObject(body)) return body;
  const { messages } = body;
  if (!Array.isArray(messages)) return body;
  return {
    ...body,
    messages: messages.map((message: unknown) =>
      isObject(message) && message["role"] === "assistant"
        ? membersWithout(message, answerMembers)
        : message,
    ),
  };
}

export function membersWithout(members: Members, names: ReadonlySet<string>): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.has(name)));
}

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
