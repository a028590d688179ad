import {
  type CostCharged,
  type InferenceAdmitted,
  type InferenceAttempted,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import type { KafkaUser, ProviderBill, TopicReader } from "@sluice/testing";

/** All that a pipeline says of what it was asked, whom it called, and what that cost. */
export interface PipelineReaders {
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly attempted: TopicReader<InferenceAttempted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
}

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

/** Without those that a suite made by itself: they have no attempt's name. */
export function callsOfPipeline(attempts: Attempts): readonly (readonly [string, Billed])[] {
  return [...attempts].filter(([id]) => !id.startsWith("unnamed-"));
}
