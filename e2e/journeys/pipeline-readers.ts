import {
  type CostCharged,
  type InferenceAdmitted,
  type InferenceAttempted,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import type { KafkaUser, ProviderBill, TopicReader } from "@sluice/testing";

/** Readers of a pipeline's requests, provider calls, outcomes and charges. */
export interface PipelineReaders {
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly attempted: TopicReader<InferenceAttempted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
}

/** Opens the readers at the beginning of their topics. */
export async function openReaders(user: KafkaUser): Promise<PipelineReaders> {
  const [admitted, attempted, responded, charged] = await Promise.all([
    user.read(topics.inferenceAdmitted),
    user.read(topics.inferenceAttempted),
    user.read(topics.inferenceResponded),
    user.read(topics.costCharged),
  ]);
  return { admitted, attempted, responded, charged };
}

type Attempts = ProviderBill["attempts"];
type Billed = Attempts extends ReadonlyMap<string, infer One> ? One : never;

/** Returns the billed calls of the pipeline, without those that a suite made directly, which have no attempt id. */
export function callsOfPipeline(attempts: Attempts): readonly (readonly [string, Billed])[] {
  return [...attempts].filter(([id]) => !id.startsWith("unnamed-"));
}
