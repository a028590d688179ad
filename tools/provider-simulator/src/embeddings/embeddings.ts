import type { ServerResponse } from "node:http";
import { Pace } from "../answers/pace.ts";
import { badRequest } from "../api-error.ts";
import type { Bill, OpenCall } from "../bill/bill.ts";
import { beginCall } from "../bill/begin-call.ts";
import { endWhole } from "../bill/call-end.ts";
import { noUsage } from "../bill/usage.ts";
import { countInputTokens, embeddingListOf, inputTextOf, embeddingOf } from "./embedding.ts";
import type { EmbeddingRequest } from "./embedding-request.ts";
import type { Fault } from "../faults/faults.ts";
import type { ModelProfile } from "../models.ts";
import { isEmbeddingMissing } from "../faults/prompt-markers.ts";
import type { CountTexts } from "../vocabulary.ts";

/** A call that has passed all checks except that of its dimensions. */
export interface EmbeddingCall {
  readonly request: EmbeddingRequest;
  readonly call: OpenCall;
  readonly profile: ModelProfile;
  /** Dimensions of the model's embeddings. */
  readonly dimensions: number;
  readonly fault: Fault | undefined;
}

/**
 * Answers calls for embeddings at the model's speed. Each is billed in full, as every answer that is sent in
 * one piece.
 */
export class Embeddings {
  readonly #bill: Bill;
  readonly #countTexts: CountTexts;
  readonly #speed: number;

  constructor(bill: Bill, countTexts: CountTexts, speed: number) {
    this.#bill = bill;
    this.#countTexts = countTexts;
    this.#speed = speed;
  }

  /**
   * Answers and bills a call.
   *
   * @throws ApiError for a call that is refused, which costs nothing
   */
  async answer(embeddingCall: EmbeddingCall, response: ServerResponse): Promise<void> {
    const { call, request, profile, fault, dimensions: dimensionsMax } = embeddingCall;
    const dimensions = request.dimensions ?? dimensionsMax;
    if (dimensions > dimensionsMax)
      throw badRequest(`'dimensions' must be at most ${dimensionsMax}.`, "dimensions");
    const closed = await beginCall(call, false, fault, this.#bill, response);
    if (!closed) return;

    const tokens = await countInputTokens(request, this.#countTexts);
    await new Pace(profile, this.#speed).whole(tokens);
    const usage = { ...noUsage, inputTokens: tokens };
    const body = (): object =>
      embeddingListOf(
        request,
        embeddingsOf(request, dimensions),
        profile.reportsUsage ? tokens : null,
      );
    await endWhole({ call, usage, fault, body }, this.#bill, response, closed);
  }
}

function embeddingsOf(request: EmbeddingRequest, dimensions: number): readonly Float32Array[] {
  const answered = isEmbeddingMissing(inputTextOf(request))
    ? request.inputs.slice(0, -1)
    : request.inputs;
  return answered.map((input) => embeddingOf(request.model, input, dimensions));
}
