import { randomUUID } from "node:crypto";
import { type InferenceRequested, type TopicCodecs, topics } from "@sluice/contracts";
import { type EventProducer, outgoing } from "@sluice/stage";
import { type Ended, endOf } from "./answer.ts";
import type { Asker } from "./asker.ts";
import type { ResponseInbox } from "./response-inbox.ts";
import { signedHeaders, type SigningKey } from "./signed-headers.ts";

/** How long one answer may take, in milliseconds. */
const timeoutMs = 120_000;

/** Asks as a platform team does: a signed record on `inference.requested`, its outcome from `inference.responded`. */
export class KafkaAsker implements Asker {
  constructor(
    private readonly producer: EventProducer,
    private readonly codecs: TopicCodecs,
    private readonly key: SigningKey,
    private readonly inbox: ResponseInbox,
  ) {}

  async ask(prompt: string, signal: AbortSignal): Promise<Ended> {
    const topic = topics.inferenceRequested;
    const record = requestOf(randomUUID(), prompt);
    // The producer encodes the same record to the same bytes.
    const value = this.codecs.encode(topic, record);
    const headers = signedHeaders(topic.name, value, this.key, Date.now());
    await this.producer.send([outgoing(topic, record.requestId, record, headers)]);
    const outcome = await this.inbox.outcomeOf(record.requestId, timeoutMs, signal);
    return outcome ? endOf(outcome) : { kind: "unanswered", code: "no_answer_yet", attempts: 0 };
  }
}

function requestOf(requestId: string, prompt: string): InferenceRequested {
  return {
    requestId,
    model: "auto",
    messages: [
      {
        role: "user",
        content: prompt,
        parts: null,
        toolCalls: null,
        toolCallId: null,
        name: null,
      },
    ],
    parameters: "{}",
    requirements: {
      requiredAccuracy: null,
      maxLatencyMs: null,
      maxCostNanoUsd: null,
      deadlineAt: null,
      lane: "realtime",
      onDoubt: "retry",
    },
    cache: { mode: "automatic", ttlSeconds: null },
    sessionId: null,
    runId: null,
    stepId: null,
    tags: {},
  };
}
