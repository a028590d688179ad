import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultRequirements, type InferenceRequested } from "@sluice/contracts";
import type { KafkaUser } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import OpenAI from "openai";

/** One request of the load. It depends only on its number, so that a run can be repeated. */
export interface MixedRequest {
  readonly number: number;
  readonly transport: "http" | "http-stream" | "kafka";
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
}

const prompts = readFileSync(
  join(import.meta.dirname, "../../examples/prompts/prompts.jsonl"),
  "utf8",
)
  .trim()
  .split("\n")
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file
  .map((line) => (JSON.parse(line) as { readonly prompt: string }).prompt);

const transports = ["http", "http-stream", "kafka", "http"] as const;
const anyModel = ["auto", "economy", "standard", "auto", "premium", "auto"];

/**
 * Returns a request with a real prompt, one of three transports and one of the models. Every eighth request
 * repeats the prompt of an earlier one, and for a few the provider is busy or fails once.
 */
export function mixedRequest(
  number: number,
  run: string,
  models: readonly string[] = anyModel,
): MixedRequest {
  const promptNumber = number % 8 === 7 && number > 400 ? number - 399 : number;
  const fault =
    promptNumber % 37 === 5
      ? " [[fault:429 times=1]]"
      : promptNumber % 41 === 6
        ? " [[fault:500 times=1]]"
        : "";
  return {
    number,
    transport: transports[number % transports.length]!,
    model: models[promptNumber % models.length]!,
    prompt: `${promptOf(promptNumber, run)}${fault}`,
    // Every fifth answer is cut by its limit, and is therefore not cached.
    maxTokens: promptNumber % 5 === 4 ? 40 : 1_000,
  };
}

/** Returns a real prompt, made unique by the run and the number. */
export function promptOf(number: number, run: string): string {
  return `${prompts[number % prompts.length]} (${run} ${number})`;
}

export interface LoadOptions {
  readonly count: number;
  readonly concurrency: number;
  /** Requests start evenly, at this rate or a lower one. */
  readonly perSecond: number;
  readonly send: (request: MixedRequest) => Promise<void>;
  /** Becomes part of every prompt, so that another run is not answered from the cache. */
  readonly run: string;
  /** The models that are named in turn. Not set: auto and the tiers. */
  readonly models?: readonly string[];
}

/** Sends `count` requests, at most `concurrency` at once. */
export async function runLoad(options: LoadOptions): Promise<void> {
  const { count, concurrency, perSecond, send, run, models } = options;
  const start = Date.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      // oxlint-disable-next-line no-await-in-loop -- each worker sends one at a time
      await sleep(Math.max(0, start + (number * 1000) / perSecond - Date.now()));
      // oxlint-disable-next-line no-await-in-loop -- as above
      await send(mixedRequest(number, run, models));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/**
 * Sends a request with the official client. With an idempotency key in `headers`, it can be sent again.
 *
 * @throws Error also if a stream ends without a finish reason, because the client does not notice it
 */
export async function sendByHttp(
  openai: OpenAI,
  { transport, model, prompt, maxTokens }: MixedRequest,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const options = signal ? { headers, signal } : { headers };
  const body = {
    model,
    max_completion_tokens: maxTokens,
    messages: [{ role: "user" as const, content: prompt }],
  };
  if (transport !== "http-stream") {
    await openai.chat.completions.create(body, options);
    return;
  }
  const stream = await openai.chat.completions.create({ ...body, stream: true }, options);
  let isWhole = false;
  for await (const chunk of stream) isWhole ||= Boolean(chunk.choices[0]?.finish_reason);
  if (!isWhole) throw new Error("The stream ended without a finish reason.");
}

/** Sends a signed request over Kafka, and returns it. */
export async function sendByKafka(
  user: KafkaUser,
  { number, model, prompt, maxTokens }: MixedRequest,
  run: string,
  deadlineAt: number,
): Promise<InferenceRequested> {
  const [message] = aRequest().messages;
  const request = aRequest({
    requestId: `${run}-${number}`,
    model,
    messages: [{ ...message!, content: prompt }],
    parameters: JSON.stringify({ max_completion_tokens: maxTokens }),
    requirements: { ...defaultRequirements, deadlineAt },
  });
  await user.request(request);
  return request;
}
