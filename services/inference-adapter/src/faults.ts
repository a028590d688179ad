import { PermanentFault } from "@sluice/domain";

/** Every code this service throws. */
export type AdapterFaultCode =
  /** The process ends; the lease runs out and another takes over. */
  | "ADAPTER_STOPPING"
  /** Parameters or a message's JSON cannot be read: ingress let through what it should not. */
  | "ADAPTER_REQUEST_UNREADABLE"
  /** The dispatcher named nobody who may answer. */
  | "ADAPTER_NO_CANDIDATE";

/** Without a cause: a parser's message quotes the prompt, and causes are logged. */
export function unreadable(what: string): PermanentFault {
  const code: AdapterFaultCode = "ADAPTER_REQUEST_UNREADABLE";
  return new PermanentFault(code, `${what} of the request cannot be read.`);
}
