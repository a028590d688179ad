import { partitionKeyOf } from "@sluice/domain";
import type { schemas } from "./generated/schemas.ts";
import type {
  CostCharged,
  CostMetered,
  Declaration,
  InferenceAdmitted,
  InferenceAttempted,
  InferenceClassified,
  InferenceDispatched,
  InferenceMissed,
  InferenceRequested,
  InferenceResponded,
} from "./generated/records.ts";

/** Name of a record that has a topic of its own. */
export type RecordName = keyof typeof schemas;

/** A topic, the record on it and its key. Names are without the configured prefix. */
export interface Topic<R> {
  readonly name: string;
  readonly record: RecordName;
  /** `default` is the configured number, which is the same for all topics that are keyed by request. */
  readonly partitions: "default" | number;
  /** The topic's Kafka settings. */
  readonly config: Readonly<Record<string, string>>;
  /** Whether messages that a stage cannot handle are put on `<name>.dead-letter`. */
  readonly deadLetter: boolean;
  /** The topic whose subject in the registry has the schemas, if it is not this one. */
  readonly schemasOf?: string;
  /** Describes the key, for documents. */
  readonly keyedBy: string;
  /**
   * Returns the key of a record. Kafka orders messages within a partition only, and the key chooses the
   * partition: a record with another key could overtake the records that it depends on.
   */
  keyOf(record: R): string;
  /**
   * Returns the record to publish when Kafka refuses the whole one, because the topic's operator allows
   * shorter messages than the catalogue demands. Returns the same record if it has nothing to leave out.
   */
  shorten?(this: void, record: R): R;
}

const dayMs = 24 * 60 * 60 * 1000;
const mebibyte = 1024 * 1024;

/** Enough for a request with 1.5 MiB of text, or an answer cut to its limit, with the fields that the stages add. */
const maxMessageBytes = String(2 * mebibyte);

interface Retention {
  readonly days: number;
  /** The broker stamps each message, because a signature's age is judged by the broker's clock. */
  readonly appendTime?: boolean;
  /** Any client may write here. The broker recompresses, because our client reads zstd and gzip only. */
  readonly foreign?: boolean;
}

interface Key<R> {
  readonly keyedBy: string;
  keyOf(record: R): string;
}

function topic<R>(
  name: string,
  record: RecordName,
  key: Key<R>,
  { days, appendTime, foreign }: Retention,
  deadLetter = true,
): Topic<R> {
  return {
    name,
    record,
    ...key,
    partitions: "default",
    deadLetter,
    config: {
      "cleanup.policy": "delete",
      "retention.ms": String(days * dayMs),
      "max.message.bytes": maxMessageBytes,
      "message.timestamp.type": appendTime ? "LogAppendTime" : "CreateTime",
      "compression.type": foreign ? "zstd" : "producer",
    },
  };
}

const keyedByRequest = "hash(tenant, request id)";

/** All records of a request share a partition of each topic, so that they stay in order. */
const admittedKey: Key<InferenceAdmitted> = {
  keyedBy: keyedByRequest,
  keyOf: ({ attribution, request }) => partitionKeyOf(attribution.tenant, request.requestId),
};

const decidedKey: Key<{ readonly admitted: InferenceAdmitted }> = {
  keyedBy: keyedByRequest,
  keyOf: ({ admitted }) => admittedKey.keyOf(admitted),
};

const attributedKey: Key<InferenceAttempted | InferenceResponded | CostMetered> = {
  keyedBy: keyedByRequest,
  keyOf: ({ attribution, requestId }) => partitionKeyOf(attribution.tenant, requestId),
};

const producersKey: Key<InferenceRequested> = {
  keyedBy: "chosen by the producer (request id)",
  keyOf: ({ requestId }) => requestId,
};

const chargeKey: Key<CostCharged> = { keyedBy: "charge id", keyOf: ({ chargeId }) => chargeId };

/**
 * Returns a topic that keeps the latest version of each entry. It has one partition, so that all entries of a kind are
 * in one order, and no dead letters: every process reads all of it, and none commits an offset.
 */
function controlTopic(kind: string): Topic<Declaration> {
  return {
    name: `control.${kind}`,
    record: "Declaration",
    partitions: 1,
    deadLetter: false,
    keyedBy: "id",
    keyOf: ({ id }) => id,
    config: {
      "cleanup.policy": "compact",
      "max.message.bytes": maxMessageBytes,
      "message.timestamp.type": "CreateTime",
      "compression.type": "producer",
    },
  };
}

/** What an operator declares. Prices are separate from models, because finance reads and changes them. */
export const controlTopics = {
  tenants: controlTopic("tenants"),
  keys: controlTopic("keys"),
  budgets: controlTopic("budgets"),
  providers: controlTopic("providers"),
  models: controlTopic("models"),
  prices: controlTopic("prices"),
  policies: controlTopic("policies"),
} as const;

const threeDays: Retention = { days: 3 };
const fiveYears = 5 * 365;

/**
 * Returns the outcome without choices and embeddings, and marked as cut. Its decisions say why. All
 * other fields stay, so that readers learn how the request ended and what it cost.
 */
function withoutAnswer(outcome: InferenceResponded): InferenceResponded {
  const { completed, decisions } = outcome;
  if (completed === null) return outcome;
  const { answer } = completed;
  if (answer.choices.length === 0 && answer.embeddings.length === 0) return outcome;
  const reason =
    "Kafka refused the answer as too large for inference.responded. Raise max.message.bytes of the topic, then send the request again with the same id: as long as its answer is retained, it is published again and costs nothing.";
  return {
    ...outcome,
    completed: { ...completed, answer: { ...answer, choices: [], embeddings: [], cut: true } },
    decisions: [
      ...decisions,
      { stage: "publish", decision: "answer_omitted", reasons: [reason], version: 0n },
    ],
  };
}

/** The catalogue of topics. Provisioning creates the topics from it, and nothing else names them. */
export const topics = {
  inferenceRequested: topic<InferenceRequested>(
    "inference.requested",
    "InferenceRequested",
    producersKey,
    { days: 3, appendTime: true, foreign: true },
  ),
  inferenceAdmitted: topic<InferenceAdmitted>(
    "inference.admitted",
    "InferenceAdmitted",
    admittedKey,
    threeDays,
  ),
  inferenceMissed: topic<InferenceMissed>(
    "inference.missed",
    "InferenceMissed",
    decidedKey,
    threeDays,
  ),
  inferenceClassified: topic<InferenceClassified>(
    "inference.classified",
    "InferenceClassified",
    decidedKey,
    threeDays,
  ),
  inferenceDispatchedRealtime: topic<InferenceDispatched>(
    "inference.dispatched.realtime",
    "InferenceDispatched",
    decidedKey,
    threeDays,
  ),
  inferenceAttempted: topic<InferenceAttempted>(
    "inference.attempted",
    "InferenceAttempted",
    attributedKey,
    { days: 30 },
  ),
  inferenceResponded: {
    ...topic<InferenceResponded>("inference.responded", "InferenceResponded", attributedKey, {
      days: 7,
    }),
    shorten: withoutAnswer,
  },
  costMetered: topic<CostMetered>("cost.metered", "CostMetered", attributedKey, {
    days: fiveYears,
    appendTime: true,
  }),
  costCharged: topic<CostCharged>(
    "cost.charged",
    "CostCharged",
    chargeKey,
    { days: fiveYears },
    false,
  ),
} as const;

/** All topics, for programs that create or list them. */
export const allTopics: readonly Topic<unknown>[] = [
  ...Object.values(topics),
  ...Object.values(controlTopics),
];

/** The topics of which a tenant can have its own, with those records that are about the tenant. */
export const tenantTopics: readonly Topic<InferenceResponded | CostCharged>[] = [
  topics.inferenceResponded,
  topics.costCharged,
];

/**
 * Returns the tenant's own topic of a shared one. Its messages are those of the shared topic, byte for byte, so their
 * schemas are in the subject of the shared topic. No service reads it, so it has no dead letters.
 */
export function tenantTopicOf<R>(shared: Topic<R>, tenant: string): Topic<R> {
  const name = `${shared.name}.${tenant}`;
  return { ...shared, name, deadLetter: false, schemasOf: shared.name };
}

/** Returns the name of the topic that receives the original bytes of messages that a stage cannot handle. */
export function deadLetterNameOf(name: string): string {
  return `${name}.dead-letter`;
}

/** Returns the registry's subject of a topic, prefix included, as Confluent names it. */
export function subjectOf(
  prefix: string,
  { name, schemasOf = name }: Pick<Topic<unknown>, "name" | "schemasOf">,
): string {
  return `${prefix}${schemasOf}-value`;
}
