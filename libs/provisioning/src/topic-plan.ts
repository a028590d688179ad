import { allTopics, deadLetterNameOf, type Topic } from "@sluice/contracts";
import type { TopicFound, TopicPlan } from "@sluice/stage";

export interface TopicDefaults {
  /** Partitions of every topic that is keyed by request; all have the same number. */
  readonly partitions: number;
  readonly replication: number;
}

/** Every topic of the catalogue and its dead letters, as they are to be. */
export function plansOf(defaults: TopicDefaults): readonly TopicPlan[] {
  return allTopics.flatMap((topic) => {
    const plan = planOf(topic, defaults);
    return topic.deadLetter ? [plan, deadLetterPlanOf(plan)] : [plan];
  });
}

/** Headers come to the original bytes: a letter that is refused for its size would hold its partition up. */
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
 * How what is there differs from what is planned, in sentences. Nothing is
 * changed: a setting may have been made on purpose, and more partitions would
 * part the messages of a request.
 */
export function differencesOf(
  plans: readonly TopicPlan[],
  found: readonly TopicFound[],
): readonly string[] {
  return plans.flatMap((plan) => {
    const topic = found.find(({ name }) => name === plan.name);
    if (!topic) return [`${plan.name} is not there`];
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
