import type { InferenceResponded } from "@sluice/contracts";

/** What the client itself has to say; what Sluice says of a request keeps Sluice's own code. */
export type ClientErrorCode =
  | "CLIENT_MISCONFIGURED"
  | "CLIENT_UNREACHABLE"
  | "CLIENT_REQUEST_INVALID"
  | "CLIENT_NOT_SENT"
  | "CLIENT_NO_ANSWER"
  | "CLIENT_TOO_MANY_WAITING"
  | "CLIENT_CLOSED";

interface Explained {
  readonly remedy: string;
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** Everything that the client rejects with, but for the reason of a signal that was aborted. */
export class SluiceError extends Error {
  /** A {@link ClientErrorCode}, or of a request the code that Sluice gave; both in docs/reference/errors.md. */
  readonly code: string;
  /** What to do about it, in a sentence; the message ends with it. */
  readonly remedy: string;
  /** The request that it is about, if any. */
  readonly requestId: string | undefined;

  constructor(code: string, what: string, { remedy, requestId, cause }: Explained) {
    super(`${what} ${remedy}`, { cause });
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy;
    this.requestId = requestId;
  }
}

/** Sluice refused the request: by policy, budget, or because it is malformed. Nothing was paid. */
export class RequestDeclined extends SluiceError {
  constructor(readonly response: InferenceResponded) {
    const { code, reason } = refusedOf(response);
    super(code, `Request ${response.requestId} was declined (${code}): ${reason}`, {
      requestId: response.requestId,
      remedy: "The same request would be declined again: change it, and give it another id.",
    });
  }
}

/** The request was let in and has no answer. Attempts that were made may be charged. */
export class RequestFailed extends SluiceError {
  constructor(readonly response: InferenceResponded) {
    const { code, reason } = refusedOf(response);
    const attempts = `${response.attempts} provider call${response.attempts === 1 ? "" : "s"}`;
    super(code, `Request ${response.requestId} failed after ${attempts} (${code}): ${reason}`, {
      requestId: response.requestId,
      remedy: "This id keeps this outcome: send the request under another id to try anew.",
    });
  }
}

/** Acknowledged by the broker, and not answered in time. It may still be answered, and charged. */
export class AnswerTimedOut extends SluiceError {
  constructor(requestId: string, timeoutMs: number, keyId: string, topicPrefix: string) {
    super("CLIENT_NO_ANSWER", `No answer to request ${requestId} came within ${timeoutMs} ms.`, {
      requestId,
      remedy:
        `Asking again with the same id joins it and pays nothing twice. If no request is ever answered, ` +
        `key "${keyId}" may be unknown, revoked, or have another secret, or this machine's clock be ` +
        `wrong by minutes: look for the id on ${topicPrefix}inference.requested.dead-letter, whose ` +
        `header dead-letter-code says why.`,
    });
  }
}

/** The broker has not acknowledged the request. Whether it is on the topic is unknown. */
export class RequestNotSent extends SluiceError {
  constructor(requestId: string, cause: unknown) {
    super("CLIENT_NOT_SENT", `Request ${requestId} was not acknowledged: ${reasonOf(cause)}.`, {
      requestId,
      cause,
      remedy:
        "Send it again with the same id, which is safe. If that does not help, check that the " +
        "account may write to the request topic.",
    });
  }
}

/** The broker or the schema registry did not answer in time, or did not let us in. */
export class Unreachable extends SluiceError {
  constructor(where: string, cause: unknown) {
    super("CLIENT_UNREACHABLE", `Cannot reach ${where}: ${reasonOf(cause)}.`, {
      cause,
      remedy:
        "Check the address, sasl, tls and topicPrefix, the account's rights to the topic and, for " +
        "reading, to groups that begin with sluice.client., and that `sluice up` has prepared it.",
    });
  }
}

export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\.$/, "");
}

function refusedOf({ refused }: InferenceResponded): { code: string; reason: string } {
  return refused ?? { code: "internal_error", reason: "No reason was given." };
}
