import {
  allTopics,
  deadLetterNameOf,
  tenantTopicOf,
  tenantTopics,
  type Topic,
} from "@sluice/contracts";
import type { TopicFound, TopicPlan } from "@sluice/stage";

export interface TopicDefaults {
  /** Number of partitions of every topic that is keyed by request; it is the same for all. */
  readonly partitions: number;
  readonly replication: number;
}

/**
 * Returns the plan for every topic of the catalogue and its dead-letter topic, and for the topics of tenants that have
 * their own.
 */
export function plansOf(
  defaults: TopicDefaults,
  tenantsWithTopics: readonly string[] = [],
): readonly TopicPlan[] {
  const own = tenantsWithTopics.flatMap((tenant) =>
    tenantTopics.map((topic) => tenantTopicOf(topic, tenant)),
  );
  return [...allTopics, ...own].flatMap((topic) => {
    const plan = planOf(topic, defaults);
    return topic.deadLetter ? [plan, deadLetterPlanOf(plan)] : [plan];
  });
}

/**
 * Added headers make a dead letter longer than its original. The broker must not refuse it, or its
 * partition would stop.
 */
const headerBytes = 64 * 1024;

function deadLetterPlanOf(plan: TopicPlan): TopicPlan {
  const bytes = Number(plan.config["max.message.bytes"]) + headerBytes;
  return {
    ...plan,
    name: deadLetterNameOf(plan.name),
    config: { ...plan.config, "max.message.bytes": String(bytes), "compression.type": "producer" },
  };
}

function planOf(topic: Topic<unknown>, { partitions, replication }: TopicDefaults): TopicPlan {
  return {
    name: topic.name,
    partitions: topic.partitions === "default" ? partitions : topic.partitions,
    replication,
    config: topic.config,
  };
}

/**
 * Returns, as sentences, how the existing topics differ from the plan. Nothing is changed: an
 * operator may have chosen a setting on purpose, and more partitions would separate the messages
 * of a request.
 */
export function differencesOf(
  plans: readonly TopicPlan[],
  found: readonly TopicFound[],
): readonly string[] {
  return plans.flatMap((plan) => {
    const topic = found.find(({ name }) => name === plan.name);
    if (!topic) return [`${plan.name} does not exist`];
    const settings = Object.entries(plan.config).flatMap(([key, wanted]) =>
      difference(plan.name, key, wanted, topic.config.get(key)),
    );
    return [
      ...difference(plan.name, "partitions", plan.partitions, topic.partitions),
      ...difference(plan.name, "replication", plan.replication, topic.replication),
      ...settings,
    ];
  });
}

function difference(
  topic: string,
  what: string,
  wanted: string | number,
  is: string | number | undefined,
): readonly string[] {
  return wanted === is ? [] : [`${topic}: ${what} is ${is ?? "not set"}, not ${wanted}`];
}
