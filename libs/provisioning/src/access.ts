import {
  controlTopics,
  deadLetterNameOf,
  tenantTopicOf,
  tenantTopics,
  type Topic,
  topics,
} from "@sluice/contracts";
import { type AccessRule, groupIdOf, prefixed } from "@sluice/stage";

/** Everything that one account needs on Kafka. */
export interface Access {
  readonly reads: readonly Reading[];
  /** Topics that the account reads without a consumer group. */
  readonly follows: readonly Topic<unknown>[];
  readonly writes: readonly Topic<unknown>[];
}

interface Reading {
  readonly topic: Topic<unknown>;
  /** As in `StageOptions.group`. */
  readonly group: string;
}

/** Every service that needs declarations keeps all of them in memory. Only an operator's account may write them. */
const declarations: readonly Topic<unknown>[] = Object.values(controlTopics);

const ended = [topics.inferenceResponded];

/**
 * What each service may read and write. `sluice provision --acls` prints and applies it, and a test
 * holds the guide to it. A service that reads a topic may also write the topic's dead letters.
 */
export const serviceAccess = {
  ingress: {
    reads: [{ topic: topics.inferenceRequested, group: "ingress.intake" }],
    follows: declarations,
    writes: [topics.inferenceAdmitted, topics.costMetered, ...ended],
  },
  "cache-lookup": {
    reads: [
      { topic: topics.inferenceAdmitted, group: "cache-lookup" },
      { topic: topics.inferenceResponded, group: "cache-lookup.fill" },
    ],
    follows: declarations,
    writes: [topics.inferenceMissed, topics.costMetered, ...ended],
  },
  classifier: {
    reads: [{ topic: topics.inferenceMissed, group: "classifier" }],
    follows: [],
    writes: [topics.inferenceClassified],
  },
  dispatcher: {
    reads: [{ topic: topics.inferenceClassified, group: "dispatcher" }],
    follows: declarations,
    writes: [topics.inferenceDispatchedRealtime, ...ended],
  },
  "inference-adapter": {
    reads: [{ topic: topics.inferenceDispatchedRealtime, group: "inference-adapter" }],
    follows: declarations,
    writes: [topics.inferenceAttempted, topics.costMetered, ...ended],
  },
  "cost-accountant": {
    reads: [
      { topic: topics.costMetered, group: "cost-accountant" },
      { topic: topics.inferenceAttempted, group: "cost-accountant.intents" },
    ],
    follows: declarations,
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

/**
 * Returns the rules that the services need, each with an account of its own.
 *
 * @param tenantsWithTopics the tenants whose own topics the services write too
 */
export function serviceRules(
  topicPrefix: string,
  tenantsWithTopics: readonly string[] = [],
): readonly AccessRule[] {
  return serviceAccounts.flatMap((service) => {
    const { reads, follows, writes }: Access = serviceAccess[service];
    const own = tenantsWithTopics.flatMap((tenant) =>
      tenantTopics
        .filter(({ name }) => writes.some((written) => written.name === name))
        .map((topic) => tenantTopicOf(topic, tenant)),
    );
    return rulesOf(
      { reads, follows, writes: [...writes, ...own] },
      principalOf(service),
      topicPrefix,
    );
  });
}

/** A tenant with its own topics, and the ids of its API keys. */
export interface TenantAccess {
  readonly tenant: string;
  readonly keyIds: readonly string[];
}

/** Returns the name of a tenant's account, unless an operator chooses another. */
export function tenantPrincipalOf(tenant: string): string {
  return `User:sluice-tenant-${tenant}`;
}

/**
 * Returns the rules for the account of a tenant that has its own topics: to send requests, to read its own outcomes and
 * charges, and to use the groups of its keys. The account sees nothing of other tenants.
 */
export function tenantRules(
  { tenant, keyIds }: TenantAccess,
  topicPrefix: string,
): readonly AccessRule[] {
  const read = tenantTopics.map((topic) => tenantTopicOf(topic, tenant).name);
  return programRules(tenantPrincipalOf(tenant), read, keyIds, topicPrefix);
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
  const read = tenantTopics.map(({ name }) => name);
  return programRules(principal, read, [keyId], topicPrefix);
}

function programRules(
  principal: string,
  read: readonly string[],
  keyIds: readonly string[],
  topicPrefix: string,
): readonly AccessRule[] {
  const topic = { principal, resource: "topic", match: "literal" } as const;
  const requested = prefixed({ topicPrefix }, topics.inferenceRequested.name);
  return [
    { ...topic, name: requested, operation: "write" },
    ...read.map((name): AccessRule => ({
      ...topic,
      name: prefixed({ topicPrefix }, name),
      operation: "read",
    })),
    ...keyIds.map((keyId): AccessRule => ({
      principal,
      resource: "group",
      name: groupIdOf({ topicPrefix }, `client.${keyId}.`),
      match: "prefixed",
      operation: "read",
    })),
  ];
}

function rulesOf(
  { reads, follows, writes }: Access,
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
    ...follows.map(({ name }): AccessRule => ({
      ...rule,
      resource: "topic",
      name: prefixed({ topicPrefix }, name),
      operation: "read",
    })),
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
