import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { ApiError } from "../api-error.ts";
import type { Bill, OpenCall } from "./bill.ts";
import type { Fault } from "../faults/faults.ts";
import type { BilledUsage } from "./usage.ts";

/** A silent call is let go after this, so that forgotten clients do not pile up. */
const SILENCE_MS_MAX = 10 * 60_000;

/**
 * The faults that come before an answer is made; they cost nothing.
 *
 * @returns whether the call has ended
 * @throws ApiError for a call that is refused
 */
export async function endedBefore(
  { kind, retryAfterSeconds }: Fault,
  call: OpenCall,
  bill: Bill,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<boolean> {
  const headers = retryAfterSeconds === null ? {} : { "retry-after": String(retryAfterSeconds) };
  if (kind === "429") {
    bill.endUnbilled(call, "rate-limited");
    const message = `Rate limit reached for ${call.model} (simulated).`;
    throw new ApiError(429, message, { type: "requests", code: "rate_limit_exceeded", headers });
  }
  if (kind === "500") {
    bill.endUnbilled(call, "server-error");
    const message = "The server had an error while processing your request (simulated).";
    throw new ApiError(500, message, { type: "server_error", headers });
  }
  if (kind !== "hang") return false;
  await silence(closed);
  bill.endUnbilled(call, "hung");
  response.destroy();
  return true;
}

/** An answer that leaves in one piece. It is billed in full, whoever is still there to read it. */
export interface WholeAnswer {
  readonly call: OpenCall;
  readonly usage: BilledUsage;
  readonly fault: Fault | undefined;
  readonly body: () => object;
}

export async function endWhole(
  { call, usage, fault, body }: WholeAnswer,
  bill: Bill,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<void> {
  if (fault?.kind === "timeout-after-billing") {
    bill.charge(call, usage, "timeout-after-billing", Date.now());
    await silence(closed);
    response.destroy();
    return;
  }
  const gone = closed.aborted ? "client-closed" : "answered";
  const cut = fault?.kind === "cut-stream";
  bill.charge(call, usage, cut ? "cut-stream" : gone, Date.now());
  const text = JSON.stringify(body());
  response.setHeader("content-type", "application/json");
  response.setHeader("content-length", Buffer.byteLength(text));
  if (!cut) return void response.end(text);
  response.write(text.slice(0, text.length / 2));
  response.socket?.destroySoon();
}

/** Until the client leaves. */
async function silence(closed: AbortSignal): Promise<void> {
  await pause(SILENCE_MS_MAX, undefined, { signal: closed }).catch(() => undefined);
}
