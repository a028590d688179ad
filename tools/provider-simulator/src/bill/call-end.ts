import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { blankLines } from "../answers/heartbeats.ts";
import type { BillReason } from "./bill-journal.ts";
import type { Bill, OpenCall } from "./bill.ts";
import type { Fault } from "../faults/faults.ts";
import type { BilledUsage } from "./usage.ts";

/**
 * The simulator closes a call without an answer after this time, so that the calls of hanging clients do not
 * accumulate.
 */
const UNANSWERED_MS_MAX = 10 * 60_000;

/** An answer that is sent in one piece. It is billed in full, even if the client has disconnected. */
export interface WholeAnswer {
  readonly call: OpenCall;
  readonly usage: BilledUsage;
  readonly fault: Fault | undefined;
  readonly body: () => object;
}

/** Bills an answer and sends it, unless a fault prevents that. */
export async function endWhole(
  { call, usage, fault, body }: WholeAnswer,
  bill: Bill,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<void> {
  if (fault?.kind === "timeout-after-billing") {
    bill.charge(call, usage, "timeout-after-billing", Date.now());
    await waitForClose(closed);
    response.destroy();
    return;
  }
  bill.charge(call, usage, reasonOf(fault, closed), Date.now());
  const blank = fault?.kind === "heartbeats" ? blankLines : "";
  const text = `${blank}${JSON.stringify(body())}`;
  response.setHeader("content-type", "application/json");
  response.setHeader("content-length", Buffer.byteLength(text));
  if (fault?.kind !== "cut-stream") return void response.end(text);
  response.write(text.slice(0, text.length / 2));
  response.socket?.destroySoon();
}

function reasonOf(fault: Fault | undefined, closed: AbortSignal): BillReason {
  if (fault?.kind === "cut-stream") return "cut-stream";
  return closed.aborted ? "client-closed" : "answered";
}

/** Waits until the client disconnects, or until the time limit. */
export async function waitForClose(closed: AbortSignal): Promise<void> {
  await pause(UNANSWERED_MS_MAX, undefined, { signal: closed }).catch(() => undefined);
}
