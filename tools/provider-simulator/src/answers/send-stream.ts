import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Bill, OpenCall } from "../bill/bill.ts";
import type { BillReason } from "../bill/bill-journal.ts";
import type { BilledUsage } from "../bill/usage.ts";
import type { Pace } from "./pace.ts";

/** A part of a stream, and the tokens that are billed if it was written to the socket. */
export interface StreamPart {
  readonly text: string;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** An answer as a stream of server-sent events. */
export interface AnswerStream {
  readonly call: OpenCall;
  /** The usage of the whole answer. Its output is billed only as far as it was sent. */
  readonly usage: BilledUsage;
  /** A text that is sent at once, before the model has made anything; empty for none. */
  readonly prelude: string;
  readonly opening: string;
  readonly parts: readonly StreamPart[];
  /** The number of answers that are made at the same time. */
  readonly choices: number;
  /** The text after the last part; null if the connection is cut instead. */
  readonly closing: string | null;
  /** What the bill says of a stream that was sent to this end. */
  readonly reason: BillReason;
}

/**
 * Sends a stream at the model's speed. It is billed for the input and for the tokens that were written to the socket
 * before its end.
 */
export async function sendStream(
  stream: AnswerStream,
  pace: Pace,
  bill: Bill,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<void> {
  const sent = { outputTokens: 0, reasoningTokens: 0 };
  try {
    const begunAt = performance.now();
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.setHeader("cache-control", "no-cache");
    if (stream.prelude !== "") await written(response, stream.prelude, closed);
    await pace.until(0, begunAt, closed);
    await written(response, stream.opening, closed);
    for (const { text, outputTokens, reasoningTokens } of stream.parts) {
      const made = sent.outputTokens + outputTokens + sent.reasoningTokens + reasoningTokens;
      await pace.until(made / stream.choices, begunAt, closed);
      sent.outputTokens += outputTokens;
      sent.reasoningTokens += reasoningTokens;
      await written(response, text, closed);
    }
  } catch (error) {
    if (!closed.aborted) throw error;
  }
  const reason = closed.aborted ? "client-closed" : stream.reason;
  bill.charge(stream.call, { ...stream.usage, ...sent }, reason, Date.now());
  if (closed.aborted) return;
  if (stream.closing === null) response.socket?.destroySoon();
  else response.end(stream.closing);
}

/** Writes the text. Waits if the client reads slowly, so that unread text does not accumulate in memory. */
async function written(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!response.write(text)) await once(response, "drain", { signal });
}
