import { randomHex } from "@sluice/domain";
import type { Effect, Outgoing } from "./effects.ts";

/** W3C trace context as headers; `tracestate` never without `traceparent`. Empty where there is none. */
export type TraceHeaders = Readonly<Partial<Record<"traceparent" | "tracestate", string>>>;

type Given = Readonly<Record<string, Buffer | string | readonly string[] | undefined>>;

/** version, trace id, parent id, flags; what a later version adds behind them is passed on. */
const format = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x21-\x7e]{1,200})?$/;
const tracestateFormat = /^[\x20-\x7e]{1,512}$/;

/**
 * The trace that headers of HTTP or Kafka name, as it stands there. What is no W3C trace
 * context is as if it were absent: it would be refused further on, at the provider.
 */
export function traceIn(headers: Given): TraceHeaders {
  const traceparent = textOf(headers["traceparent"]);
  if (traceparent === undefined || !isTraceparent(traceparent)) return {};
  const tracestate = textOf(headers["tracestate"]);
  return tracestate !== undefined && tracestateFormat.test(tracestate)
    ? { traceparent, tracestate }
    : { traceparent };
}

/** The trace that headers name, else one that begins here, sampled. Where requests enter. */
export function traceInOrNew(headers: Given): TraceHeaders {
  const found = traceIn(headers);
  return found.traceparent === undefined ? { traceparent: newTraceparent() } : found;
}

/** An effect whose messages carry the trace; a message that has one keeps it. */
export function traced(effect: Effect, trace: TraceHeaders): Effect {
  if (effect.kind !== "emit") return effect;
  return { ...effect, messages: effect.messages.map((message) => tracedMessage(message, trace)) };
}

export function tracedMessage(message: Outgoing, trace: TraceHeaders): Outgoing {
  const { headers } = message;
  if (trace.traceparent === undefined || headers?.["traceparent"] !== undefined) return message;
  return { ...message, headers: { ...headers, ...trace } };
}

function isTraceparent(text: string): boolean {
  const [, version, traceId = "", parentId = "", more] = format.exec(text) ?? [];
  if (version === undefined || version === "ff") return false;
  if (version === "00" && more !== undefined) return false;
  return !/^0+$/.test(traceId) && !/^0+$/.test(parentId);
}

/** Random ids of zeros alone, which the format forbids, come once in 2^64. */
function newTraceparent(): string {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

/** A header that was given several times names no trace. */
function textOf(value: Given[string]): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  return Buffer.isBuffer(value) ? value.toString("latin1") : undefined;
}
