import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaUser } from "@sluice/testing";
import OpenAI from "openai";
import { type MixedRequest, promptOf, sendByHttp, sendByKafka } from "./mixed-load.ts";

/** How a request ended for its client. */
export type RequestEnd =
  | { readonly kind: "answered" }
  /** An error that a retry with the same idempotency key does not change. */
  | { readonly kind: "failed"; readonly code: string }
  | { readonly kind: "unanswered"; readonly lastError: string };

export interface RequestRecord {
  /** The idempotency key, and over Kafka the request id. */
  readonly key: string;
  readonly transport: MixedRequest["transport"];
  readonly startedAt: number;
  /** Null while the client waits. Over Kafka, the client only waits for the acknowledgement of the broker. */
  endedAt: number | null;
  end: RequestEnd | null;
  tries: number;
}

export interface SteadyLoadOptions {
  readonly openai: OpenAI;
  readonly user: KafkaUser;
  /** Becomes part of every prompt and key. */
  readonly run: string;
  /** Requests over HTTP; a tenth as many are sent over Kafka. */
  readonly perSecond: number;
  readonly deadlineSeconds: number;
}

/** How long a client repeats a request. Longer than the deadline, so that the client sees how it ended. */
const patienceMs = 100_000;
const tryMsMax = 60_000;
const retryMs = 500;
const models = ["auto", "economy", "standard", "auto", "premium"] as const;
/** Two of five HTTP requests are streamed. */
const transports = ["http", "http-stream", "http", "http-stream", "http"] as const;

/**
 * Sends requests at an even rate, whatever happens to those before. Every request has an idempotency
 * key, and its client repeats it until it has an answer or an error that is final.
 */
export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #records: RequestRecord[] = [];
  readonly #open = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
  }

  get records(): readonly RequestRecord[] {
    return this.#records;
  }

  resume(): void {
    // Ten of eleven requests are sent over HTTP.
    const everyMs = 1_000 / (this.#options.perSecond * 1.1);
    this.#timer ??= setInterval(() => this.#start(), everyMs);
  }

  /** Sends no further requests. Resolves when all requests have ended, at the latest when the clients give up. */
  async pause(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#open);
  }

  #start(): void {
    const { run } = this.#options;
    const request = steadyRequest(this.#next++, run);
    const record: RequestRecord = {
      key: `${run}-${request.number}`,
      transport: request.transport,
      startedAt: Date.now(),
      endedAt: null,
      end: null,
      tries: 0,
    };
    this.#records.push(record);
    const sending = this.#send(request, record).finally(() => this.#open.delete(sending));
    this.#open.add(sending);
  }

  async #send(request: MixedRequest, record: RequestRecord): Promise<void> {
    const { openai, user, run, deadlineSeconds } = this.#options;
    const deadlineAt = record.startedAt + deadlineSeconds * 1_000;
    record.end = await untilFinal(record, async () => {
      if (request.transport === "kafka") {
        await sendByKafka(user, request, run, deadlineAt);
        return;
      }
      const headers = {
        "idempotency-key": record.key,
        "x-sluice-deadline": String(deadlineSeconds),
      };
      await sendByHttp(openai, request, headers, AbortSignal.timeout(tryMsMax));
    });
    record.endedAt = Date.now();
  }
}

async function untilFinal(record: RequestRecord, send: () => Promise<void>): Promise<RequestEnd> {
  for (;;) {
    record.tries += 1;
    try {
      // oxlint-disable-next-line no-await-in-loop -- retries are sequential, as in real clients
      await send();
      return { kind: "answered" };
    } catch (error) {
      const code = finalCodeOf(error);
      if (code !== undefined) return { kind: "failed", code };
      if (Date.now() - record.startedAt > patienceMs)
        return { kind: "unanswered", lastError: errorTextOf(error) };
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(retryMs);
    }
  }
}

/** Codes in the middle of a stream that the outcome of the request has. Others are faults of the transport. */
const finalInStream = new Set(["stream_interrupted", "deadline_exceeded", "provider_failed"]);

/** Returns the code of an error that a repeat of the request would receive again, or else undefined. */
export function finalCodeOf(error: unknown): string | undefined {
  if (!(error instanceof OpenAI.APIError)) return undefined;
  const code = error.code ?? "unknown";
  if (error.status === undefined) return finalInStream.has(code) ? code : undefined;
  const isFinal = error.headers?.get("x-should-retry") === "false";
  return isFinal || (error.status < 500 && error.status !== 429) ? code : undefined;
}

function errorTextOf(error: unknown): string {
  if (error instanceof OpenAI.APIError && error.status !== undefined)
    return `${error.status} ${error.code}`;
  return error instanceof Error ? error.message : String(error);
}

/** Returns a request that depends on its number and the run only. Every eighth one repeats an earlier prompt. */
function steadyRequest(number: number, run: string): MixedRequest {
  const promptNumber = number % 8 === 7 && number > 400 ? number - 399 : number;
  return {
    number,
    transport: number % 11 === 10 ? "kafka" : transports[number % transports.length]!,
    model: models[promptNumber % models.length]!,
    prompt: promptOf(promptNumber, run),
    maxTokens: 1_000,
  };
}
