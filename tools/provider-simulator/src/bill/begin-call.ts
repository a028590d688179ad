import type { ServerResponse } from "node:http";
import { ApiError } from "../api-error.ts";
import type { Bill, OpenCall } from "./bill.ts";
import type { BillReason } from "./bill-journal.ts";
import { waitForClose } from "./call-end.ts";
import type { Fault, FaultKind } from "../faults/faults.ts";

/** An error that a fault sends instead of an answer, in OpenAI's words. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
  readonly reason: BillReason;
}

const refusals: Partial<Record<FaultKind, Refusal>> = {
  "429": {
    status: 429,
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Rate limit reached (simulated).",
    reason: "rate-limited",
  },
  "500": {
    status: 500,
    type: "server_error",
    code: null,
    message: "The server had an error while processing your request (simulated).",
    reason: "server-error",
  },
  "529": {
    status: 529,
    type: "server_error",
    code: "overloaded",
    message: "Overloaded (simulated).",
    reason: "overloaded",
  },
};

/**
 * Opens a call on the bill. A fault may end it before an answer is computed; it is then not billed.
 *
 * @returns a signal that the client has disconnected; null if a fault has ended the call
 * @throws ApiError for a call that a fault refuses
 */
export async function beginCall(
  call: OpenCall,
  isStream: boolean,
  fault: Fault | undefined,
  bill: Bill,
  response: ServerResponse,
): Promise<AbortSignal | null> {
  bill.begin(call, isStream);
  const closed = new AbortController();
  response.once("close", () => closed.abort());
  if (!fault) return closed.signal;

  const refusal = refusals[fault.kind];
  if (refusal) {
    bill.endUnbilled(call, refusal.reason);
    throw errorOf(refusal, fault);
  }
  if (fault.kind !== "hang") return closed.signal;
  await waitForClose(closed.signal);
  bill.endUnbilled(call, "hung");
  response.destroy();
  return null;
}

function errorOf({ status, type, code, message }: Refusal, { retryAfterSeconds }: Fault): ApiError {
  const headers = retryAfterSeconds === null ? {} : { "retry-after": String(retryAfterSeconds) };
  return new ApiError(status, message, { type, code, headers });
}
