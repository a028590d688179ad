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

/** Seconds that the sweep waits after an attempt's deadline, here. */
export const graceSeconds = 5;

/** A pipeline with users on both ways in, and readers of all that the invariants are told from. */
export interface WatchedPipeline {
  readonly pipeline: Pipeline;
  readonly user: KafkaUser;
  readonly openai: OpenAI;
  readonly admitted: TopicReader<InferenceAdmitted>;
  readonly responded: TopicReader<InferenceResponded>;
  readonly charged: TopicReader<CostCharged>;
  /** As {@link untilSettled}. */
  settled(limitMs: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A provider three times as fast as a real one, and a sweep that estimates soon.
 *
 * @param environment of the services, beside that.
 * @param maxRetries of the OpenAI client; its idempotency keys are the caller's to give.
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
