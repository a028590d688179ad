import type { ServerResponse } from "node:http";
import { errorEvent, errorInAnswer } from "../faults/error-in-answer.ts";
import type { Fault } from "../faults/faults.ts";
import { refusalOf } from "../faults/refusals.ts";
import { interfaceOf } from "../models.ts";
import type { Bill, OpenCall } from "./bill.ts";
import { waitForClose } from "./call-end.ts";

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

  const refused = refusalOf(fault, interfaceOf(call.model));
  if (refused) {
    bill.endUnbilled(call, refused.reason);
    throw refused.error;
  }
  // An answer in one piece has no place for an error after its text, so the error is all of it.
  if (fault.kind === "error-in-200" || (fault.kind === "error-after" && !isStream)) {
    bill.endUnbilled(call, "error-in-200");
    sendError(call, isStream, response);
    return null;
  }
  if (fault.kind !== "hang") return closed.signal;
  await waitForClose(closed.signal);
  bill.endUnbilled(call, "hung");
  response.destroy();
  return null;
}

function sendError({ model }: OpenCall, isStream: boolean, response: ServerResponse): void {
  const called = interfaceOf(model);
  response.setHeader("content-type", isStream ? "text/event-stream" : "application/json");
  response.end(isStream ? errorEvent(called) : JSON.stringify(errorInAnswer(called)));
}
