import { schemas } from "./generated/schemas.ts";
import type {
  CostCharged,
  CostMetered,
  InferenceAdmitted,
  InferenceAttempted,
  InferenceClassified,
  InferenceDispatched,
  InferenceMissed,
  InferenceRequested,
  InferenceResponded,
} from "./generated/records.ts";

/** Name of a record that travels on a topic of its own. */
export type RecordName = keyof typeof schemas;

/** A topic and the record on it. Names are without the configured prefix. */
export interface Topic<R> {
  readonly name: string;
  readonly record: RecordName;
  /** default: as configured; the same for all topics that are keyed by request. */
  readonly partitions: "default" | number;
  /** Kafka's settings of the topic. */
  readonly config: Readonly<Record<string, string>>;
  /** Whether what cannot be handled on it is kept on `<name>.dead-letter`. */
  readonly deadLetter: boolean;
  /** Never set; it ties the record's type to the topic. */
  readonly type?: R;
}

const dayMs = 24 * 60 * 60 * 1000;
const mebibyte = 1024 * 1024;

/** Above an edge request of 768 KiB and an answer cut to its limit, with what the stages add. */
const maxMessageBytes = String(2 * mebibyte);

interface Kept {
  readonly days: number;
  /** The broker's own time is what a signature's age is judged by. */
  readonly appendTime?: boolean;
  /** Anybody may write: what came compressed in a way that our client cannot read is recompressed by the broker. */
  readonly foreign?: boolean;
}

function topic<R>(
  name: string,
  record: RecordName,
  { days, appendTime, foreign }: Kept,
  deadLetter = true,
): Topic<R> {
  return {
    name,
    record,
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

const fiveYears = 5 * 365;

/** The one place that names the topics; they are created from it. */
export const topics = {
  inferenceRequested: topic<InferenceRequested>("inference.requested", "InferenceRequested", {
    days: 3,
    appendTime: true,
    foreign: true,
  }),
  inferenceAdmitted: topic<InferenceAdmitted>("inference.admitted", "InferenceAdmitted", {
    days: 3,
  }),
  inferenceMissed: topic<InferenceMissed>("inference.missed", "InferenceMissed", { days: 3 }),
  inferenceClassified: topic<InferenceClassified>("inference.classified", "InferenceClassified", {
    days: 3,
  }),
  inferenceDispatchedRealtime: topic<InferenceDispatched>(
    "inference.dispatched.realtime",
    "InferenceDispatched",
    { days: 3 },
  ),
  inferenceAttempted: topic<InferenceAttempted>("inference.attempted", "InferenceAttempted", {
    days: 30,
  }),
  inferenceResponded: topic<InferenceResponded>("inference.responded", "InferenceResponded", {
    days: 7,
  }),
  costMetered: topic<CostMetered>("cost.metered", "CostMetered", {
    days: fiveYears,
    appendTime: true,
  }),
  costCharged: topic<CostCharged>("cost.charged", "CostCharged", { days: fiveYears }, false),
} as const;

/** Every topic, for those that create or list them. */
export const allTopics: readonly Topic<unknown>[] = Object.values(topics);

/** Where the original bytes of a message go that cannot be handled. */
export function deadLetterNameOf(name: string): string {
  return `${name}.dead-letter`;
}

/** Confluent's naming: one subject per topic, prefix included. */
export function subjectOf(prefix: string, name: string): string {
  return `${prefix}${name}-value`;
}
