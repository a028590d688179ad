import type { RequestRef } from "./ports.ts";

/** Of an outcome, a metering or an attempt. */
export function refOf(record: {
  readonly requestId: string;
  readonly attribution: { readonly tenant: string };
}): RequestRef {
  return { tenant: record.attribution.tenant, requestId: record.requestId };
}
