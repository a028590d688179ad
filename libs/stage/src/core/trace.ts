import { randomHex } from "@sluice/domain";
import type { Effect, Outgoing } from "./effects.ts";

/**
 * W3C trace context as headers. `tracestate` never occurs without `traceparent`. Empty if there is
 * no trace.
 */
export type TraceHeaders = Readonly<Partial<Record<"traceparent" | "tracestate", string>>>;

type Given = Readonly<Record<string, Buffer | string | readonly string[] | undefined>>;

/** Version, trace id, parent id and flags. Additions of later versions behind them are passed on. */
const format = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x21-\x7e]{1,200})?$/;
const tracestateFormat = /^[\x20-\x7e]{1,512}$/;

/**
 * Returns the trace in the headers of an HTTP request or a message, unchanged. A malformed trace
 * context counts as absent, because the provider would refuse it.
 */
export function traceIn(headers: Given): TraceHeaders {
  const traceparent = textOf(headers["traceparent"]);
  if (traceparent === undefined || !isTraceparent(traceparent)) return {};
  const tracestate = textOf(headers["tracestate"]);
  return tracestate !== undefined && tracestateFormat.test(tracestate)
    ? { traceparent, tracestate }
    : { traceparent };
}

/** Returns the trace in the headers, or a new sampled trace. For the points where requests enter. */
export function traceInOrNew(headers: Given): TraceHeaders {
  const found = traceIn(headers);
  return found.traceparent === undefined ? { traceparent: newTraceparent() } : found;
}

/** Returns the effect with the trace in its messages. A message that has a trace keeps it. */
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

/** Random ids may be all zeros, which the format forbids, once in 2^64. */
function newTraceparent(): string {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

/** Returns undefined for a header that occurs several times, because it names no single trace. */
function textOf(value: Given[string]): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  return Buffer.isBuffer(value) ? value.toString("latin1") : undefined;
}
