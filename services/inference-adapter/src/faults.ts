import { PermanentFault } from "@sluice/domain";

/** The codes of all faults that this service throws. */
export type AdapterFaultCode =
  /** The parameters or the JSON of a message cannot be parsed, although ingress has checked them. */
  | "ADAPTER_REQUEST_UNREADABLE"
  /** The dispatcher published a request without candidates. */
  | "ADAPTER_NO_CANDIDATE";

/** Returns the fault without a cause: a cause is logged, and a parser's message quotes the prompt. */
export function unreadable(part: string): PermanentFault {
  const code: AdapterFaultCode = "ADAPTER_REQUEST_UNREADABLE";
  return new PermanentFault(
    code,
    `${part} of the request cannot be read as JSON. Ingress refuses such a request, so check which program wrote the message.`,
  );
}
