import {
  type CostCharged,
  type InferenceAdmitted,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import {
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import OpenAI from "openai";
import { untilSettled } from "./settled.ts";

/** How many seconds the sweep waits after an attempt's deadline in these suites. */
export const graceSeconds = 5;

/** A pipeline with an HTTP client, a Kafka client, and readers of the topics from which the invariants are checked. */
export interface WatchedPipeline {
  readonly pipeline: Pipeline;
  readonly user: KafkaUser;
  readonly openai: OpenAI;
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
  /** Calls {@link untilSettled}. */
  settled(limitMs: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a pipeline whose provider is three times as fast as a real one, and whose sweep waits only
 * {@link graceSeconds}.
 *
 * @param environment additional variables of the services
 * @param maxRetries retries of the OpenAI client, to which the test gives idempotency keys
 */
export async function startWatchedPipeline(
  environment: Readonly<Record<string, string>>,
  maxRetries: number,
): Promise<WatchedPipeline> {
  const pipeline = await startPipeline({
    environment: {
      SLUICE_SIMULATOR_SPEED: "3",
      SLUICE_SWEEP_GRACE_SECONDS: String(graceSeconds),
      SLUICE_SWEEP_INTERVAL_SECONDS: "1",
      ...environment,
    },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { http, simulator, topicPrefix, demoKey: apiKey } = pipeline;
  const user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  const [admitted, responded, charged] = await Promise.all([
    user.read(topics.inferenceAdmitted),
    user.read(topics.inferenceResponded),
    user.read(topics.costCharged),
  ]);
  return {
    pipeline,
    user,
    admitted,
    responded,
    charged,
    openai: new OpenAI({ baseURL: `${http}/v1`, apiKey, maxRetries, timeout: 60_000 }),
    settled: (limitMs) => untilSettled({ admitted, responded, charged, simulator }, limitMs),
    async stop() {
      await user.close();
      await pipeline.stop();
    },
  };
}
