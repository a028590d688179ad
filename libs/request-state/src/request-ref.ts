import type { InferenceAdmitted } from "@sluice/contracts";
import type { AdmittedRef, RequestRef } from "./ports.ts";

/** Returns the ref of the request that an outcome, an intent or a metering belongs to. */
export function refOf(record: {
  readonly requestId: string;
  readonly attribution: { readonly tenant: string };
}): RequestRef {
  return { tenant: record.attribution.tenant, requestId: record.requestId };
}

/** Returns the ref of an admitted request, whose id is a member of the request in it. */
export function refOfAdmitted({
  attribution,
  request,
  admittedAt,
}: Pick<InferenceAdmitted, "attribution" | "request" | "admittedAt">): AdmittedRef {
  return { tenant: attribution.tenant, requestId: request.requestId, admittedAt };
}
