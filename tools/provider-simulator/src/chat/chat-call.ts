import type { OpenCall } from "../bill/bill.ts";
import type { Fault } from "../faults/faults.ts";
import type { ModelProfile } from "../models.ts";
import type { ChatRequest } from "./chat-request.ts";
import { promptDigestOf } from "./prompt.ts";
import type { CompletionHead } from "./wire.ts";
import { wireFormOf } from "./wire-form.ts";

/** A call that has passed all checks. */
export interface ChatCall {
  readonly request: ChatRequest;
  readonly call: OpenCall;
  readonly completionId: string;
  readonly profile: ModelProfile;
  readonly fault: Fault | undefined;
}

/** Returns the members of the completion that do not depend on its answers. */
export function headOf({ completionId: id, request, fault }: ChatCall): CompletionHead {
  const { model, topLogprobs } = request;
  return {
    id,
    created: Math.floor(Date.now() / 1_000),
    model,
    topLogprobs,
    promptDigest: promptDigestOf(request),
    form: wireFormOf(fault),
  };
}
