import type { AdditionalMembers } from "@sluice/declarations";

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

/** Separates the additional members that some model allows. The dispatcher finds the models that allow all of them. */
export function splitAdditional(value: unknown, { requestMembers }: AdditionalMembers): Split {
  if (!isObject(value)) return { others: value, additional: {} };
  const entries = Object.entries(value);
  const additional = entries.filter(([name]) => requestMembers.has(name));
  if (additional.length === 0) return { others: value, additional: {} };
  return {
    others: Object.fromEntries(entries.filter(([name]) => !requestMembers.has(name))),
    additional: Object.fromEntries(additional.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
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
