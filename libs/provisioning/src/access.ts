import { deadLetterNameOf, type Topic, topics } from "@sluice/contracts";
import { type AccessRule, groupIdOf, prefixed } from "@sluice/stage";

/** Everything that one account needs on Kafka. */
export interface Access {
  readonly reads: readonly Reading[];
  readonly writes: readonly Topic<unknown>[];
}

interface Reading {
  readonly topic: Topic<unknown>;
  /** As in `StageOptions.group`. */
  readonly group: string;
}

const ended = [topics.inferenceResponded];

/**
 * What each service may read and write. `sluice provision --acls` prints and applies it, and a test
 * holds the guide to it. A service that reads a topic may also write the topic's dead letters.
 */
export const serviceAccess = {
  ingress: {
    reads: [{ topic: topics.inferenceRequested, group: "ingress.intake" }],
    writes: [topics.inferenceAdmitted, topics.costMetered, ...ended],
  },
  "cache-lookup": {
    reads: [
      { topic: topics.inferenceAdmitted, group: "cache-lookup" },
      { topic: topics.inferenceResponded, group: "cache-lookup.fill" },
    ],
    writes: [topics.inferenceMissed, topics.costMetered, ...ended],
  },
  classifier: {
    reads: [{ topic: topics.inferenceMissed, group: "classifier" }],
    writes: [topics.inferenceClassified],
  },
  dispatcher: {
    reads: [{ topic: topics.inferenceClassified, group: "dispatcher" }],
    writes: [topics.inferenceDispatchedRealtime, ...ended],
  },
  "inference-adapter": {
    reads: [{ topic: topics.inferenceDispatchedRealtime, group: "inference-adapter" }],
    writes: [topics.inferenceAttempted, topics.costMetered, ...ended],
  },
  "cost-accountant": {
    reads: [
      { topic: topics.costMetered, group: "cost-accountant" },
      { topic: topics.inferenceAttempted, group: "cost-accountant.intents" },
    ],
    writes: [topics.costCharged, topics.costMetered],
  },
} as const satisfies Readonly<Record<string, Access>>;

export type ServiceAccount = keyof typeof serviceAccess;
export const serviceAccounts: readonly ServiceAccount[] =
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table above
  Object.keys(serviceAccess) as ServiceAccount[];

/** Returns the name of a service's account, unless an operator chooses another. */
export function principalOf(service: ServiceAccount): string {
  return `User:sluice-${service}`;
}

/** Returns the rules that the services need, each with an account of its own. */
export function serviceRules(topicPrefix: string): readonly AccessRule[] {
  return serviceAccounts.flatMap((service) =>
    rulesOf(serviceAccess[service], principalOf(service), topicPrefix),
  );
}

/**
 * Returns the rules for an account that uses `@sluice/client` with one API key: to send requests, to
 * read responses and charges, and to use groups of its own. One topic holds the responses of all
 * tenants, and another one the charges, so these rules are only for accounts that may read them all.
 */
export function clientRules(
  principal: string,
  keyId: string,
  topicPrefix: string,
): readonly AccessRule[] {
  const topic = { principal, resource: "topic", match: "literal" } as const;
  return [
    {
      ...topic,
      name: prefixed({ topicPrefix }, topics.inferenceRequested.name),
      operation: "write",
    },
    ...[topics.inferenceResponded, topics.costCharged].map(({ name }): AccessRule => ({
      ...topic,
      name: prefixed({ topicPrefix }, name),
      operation: "read",
    })),
    {
      principal,
      resource: "group",
      name: groupIdOf({ topicPrefix }, `client.${keyId}.`),
      match: "prefixed",
      operation: "read",
    },
  ];
}

function rulesOf(
  { reads, writes }: Access,
  principal: string,
  topicPrefix: string,
): readonly AccessRule[] {
  const letters = reads.map(({ topic }) => deadLetterNameOf(topic.name));
  const written = [...writes.map(({ name }) => name), ...letters];
  const rule = { principal, match: "literal" } as const;
  return [
    ...reads.flatMap(({ topic, group }): readonly AccessRule[] => [
      {
        ...rule,
        resource: "topic",
        name: prefixed({ topicPrefix }, topic.name),
        operation: "read",
      },
      { ...rule, resource: "group", name: groupIdOf({ topicPrefix }, group), operation: "read" },
    ]),
    ...written.map((name): AccessRule => ({
      ...rule,
      resource: "topic",
      name: prefixed({ topicPrefix }, name),
      operation: "write",
    })),
  ];
}

/** Returns the arguments of Kafka's own `kafka-acls`, for operators who apply the rule themselves. */
export function aclCommandOf(rule: AccessRule): string {
  const { principal, resource, name, match, operation } = rule;
  const right = operation === "read" ? "Read" : "Write";
  return `--add --allow-principal ${principal} --operation ${right} --${resource} ${name} --resource-pattern-type ${match}`;
}
