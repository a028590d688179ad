import { Injectable } from "@nestjs/common";
import { type Classification, type InferenceMissed, topics } from "@sluice/contracts";
import { type Delivery, type Effect, emit, outgoing, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { classify, notClassified } from "./classify.ts";
import type { ConversationTurn } from "./features.ts";
import { ClassifierMetrics } from "./metrics.ts";

/**
 * Adds the complexity of each request. The stage reads no store and keeps no state, so a redelivery
 * publishes the same records again, and all instances give the same result.
 */
@Injectable()
@Stage({ on: topics.inferenceMissed, group: "classifier" })
export class ClassificationStage extends SliceStage<InferenceMissed> {
  readonly #metrics: ClassifierMetrics;

  constructor(metrics: ClassifierMetrics) {
    super();
    this.#metrics = metrics;
  }

  override async process(slice: readonly Delivery<InferenceMissed>[]): Promise<readonly Effect[]> {
    return slice.map(({ record }) => this.#effectOf(record));
  }

  #effectOf({ admitted, lookup, decisions }: InferenceMissed): Effect {
    const isEmbeddings = admitted.request.operation === "embeddings";
    const classification = isEmbeddings ? notClassified : this.#classify(admitted.request.messages);
    const { complexity, reasons } = classification;
    const decision = isEmbeddings ? "not-classified" : complexity;
    return emit(
      outgoing(topics.inferenceClassified, {
        admitted,
        lookup,
        classification,
        decisions: [...decisions, { stage: "classifier", decision, reasons, version: 0n }],
      }),
    );
  }

  #classify(messages: readonly ConversationTurn[]): Classification {
    const stopTimer = this.#metrics.duration.startTimer();
    const classification = classify(messages);
    stopTimer();
    this.#metrics.classified.inc({ complexity: classification.complexity });
    return classification;
  }
}
