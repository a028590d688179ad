import { setTimeout as sleep } from "node:timers/promises";
import { parseUsd } from "@sluice/domain";
import type { Edge } from "../addresses.ts";
import { type Answer, kindOfStatus } from "./answer.ts";
import { eventData } from "./event-data.ts";
import type { ChatBody } from "./prompt-lines.ts";
import { pauseBeforeRetry, retryAfterMsOf, type FailedTry } from "./retry.ts";

export interface AskOptions {
  readonly idempotencyKey: string;
  /** The time until the request's deadline, including all retries, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** If given, the answer is streamed, and this function receives each part of its text. */
  readonly onText?: ((text: string) => void) | undefined;
}

/** Codes for requests without a response, which only the client can report. */
export type NoAnswerCode = "edge_unreachable" | "no_answer_yet";

type Outcome =
  | Answer
  | { readonly kind: "retryable"; readonly answer: Answer; readonly failure: FailedTry };

/** Ingress reports a passed deadline up to 5 s after it, so we wait longer than that. */
const graceMs = 6_000;

/** A client for the OpenAI-compatible HTTP edge. Retries use the same idempotency key, so Sluice pays once. */
export class EdgeClient {
  constructor(private readonly edge: Edge) {}

  /** Sends a request and returns its answer or refusal. @throws the reason of `signal` if it aborts */
  async ask(body: ChatBody, options: AskOptions): Promise<Answer> {
    const startMs = performance.now();
    const deadline = AbortSignal.timeout(options.timeoutMs + graceMs);
    const signal = AbortSignal.any([options.signal, deadline]);
    for (let tries = 1; ; tries += 1) {
      // oxlint-disable-next-line no-await-in-loop -- tries are sequential
      const outcome = await this.#try(body, { ...options, signal }, startMs);
      options.signal.throwIfAborted();
      if (outcome.kind !== "retryable") return outcome;
      const pauseMs = pauseBeforeRetry(outcome.failure, tries, Math.random());
      if (pauseMs === undefined || deadline.aborted) return outcome.answer;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #try(body: ChatBody, options: AskOptions, startMs: number): Promise<Outcome> {
    const { idempotencyKey, signal, timeoutMs, onText } = options;
    const streamed = { stream: true, stream_options: { include_usage: true } };
    let hasStreamed = false;
    try {
      const response = await fetch(`${this.edge.url}/v1/chat/completions`, {
        method: "POST",
        signal,
        headers: {
          authorization: `Bearer ${this.edge.key}`,
          "content-type": "application/json",
          "idempotency-key": idempotencyKey,
          "x-sluice-deadline": secondsLeft(timeoutMs, startMs),
        },
        body: JSON.stringify(onText ? { ...body, ...streamed } : body),
      });
      if (!response.ok) return await refusalOf(response, startMs);
      hasStreamed = onText !== undefined;
      return onText
        ? await streamedAnswer(response, startMs, onText)
        : wholeAnswer(response, await response.json(), startMs);
    } catch (error) {
      const answer = noAnswer(error, signal, startMs, this.edge.url);
      // A retry would print the text again, so an answer that has begun is not retried.
      return hasStreamed ? answer : { kind: "retryable", answer, failure: { kind: "no-answer" } };
    }
  }
}

function wholeAnswer(response: Response, completion: unknown, startMs: number): Answer {
  return {
    ...servedOf(response),
    latencyMs: since(startMs),
    response: completion,
    text: textIn(completion, "message") ?? "",
  };
}

async function streamedAnswer(
  response: Response,
  startMs: number,
  onText: (text: string) => void,
): Promise<Answer> {
  let text = "";
  let costNanoUsd = null;
  for await (const data of eventData(response.body ?? new ReadableStream())) {
    if (data === "[DONE]") break;
    const chunk: unknown = JSON.parse(data);
    const error = errorIn(chunk);
    if (error)
      return { kind: "failed", status: response.status, ...error, latencyMs: since(startMs) };
    const part = textIn(chunk, "delta") ?? "";
    if (part !== "") onText(part);
    text += part;
    costNanoUsd = costIn(chunk) ?? costNanoUsd;
  }
  const served = servedOf(response);
  return { ...served, costNanoUsd, latencyMs: since(startMs), response: null, text };
}

function servedOf({ headers }: Response) {
  const cost = headers.get("x-sluice-cost-usd");
  return {
    kind: "answered",
    requestId: headers.get("x-sluice-request-id"),
    cache: headers.get("x-sluice-cache"),
    tier: headers.get("x-sluice-tier"),
    model: headers.get("x-sluice-model"),
    costNanoUsd: cost === null ? null : (parseUsd(cost) ?? null),
  } as const;
}

async function refusalOf(response: Response, startMs: number): Promise<Outcome> {
  const { status, headers } = response;
  const body: unknown = await response.json().catch(() => undefined);
  const error = errorIn(body) ?? {
    code: `http_${status}`,
    message: `The HTTP edge returned status ${status} without a reason.`,
  };
  const answer = { kind: kindOfStatus(status), status, ...error, latencyMs: since(startMs) };
  const retryAfterMs = retryAfterMsOf(headers.get("retry-after"));
  return headers.get("x-should-retry") === "false"
    ? answer
    : { kind: "retryable", answer, failure: { kind: "refused", status, retryAfterMs } };
}

function noAnswer(error: unknown, signal: AbortSignal, startMs: number, url: string): Answer {
  const code: NoAnswerCode = signal.aborted ? "no_answer_yet" : "edge_unreachable";
  const message = signal.aborted
    ? "No answer arrived in time. The request may still be answered and charged."
    : `${url} does not answer (${reasonOf(error)}).`;
  return { kind: "failed", status: null, code, message, latencyMs: since(startMs) };
}

/** Returns the code of the cause. The message of `fetch` is only "fetch failed". */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (typeof cause === "object" && cause !== null && "code" in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}

function errorIn(body: unknown): { readonly code: string; readonly message: string } | undefined {
  const error = memberOf(body, "error");
  const message = memberOf(error, "message");
  if (typeof message !== "string") return undefined;
  const code = memberOf(error, "code");
  return { code: typeof code === "string" ? code : "unknown", message };
}

function textIn(body: unknown, part: "message" | "delta"): string | undefined {
  const choices = memberOf(body, "choices");
  const content = memberOf(
    memberOf(Array.isArray(choices) ? choices[0] : undefined, part),
    "content",
  );
  return typeof content === "string" ? content : undefined;
}

function costIn(chunk: unknown): bigint | undefined {
  const cost = memberOf(memberOf(chunk, "sluice"), "cost_usd");
  return typeof cost === "string" ? parseUsd(cost) : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

/** Returns at least one second, because ingress accepts no deadline that has passed. */
function secondsLeft(timeoutMs: number, startMs: number): string {
  return (Math.max(1_000, timeoutMs - since(startMs)) / 1000).toFixed(3);
}

function since(startMs: number): number {
  return Math.round((performance.now() - startMs) * 10) / 10;
}
