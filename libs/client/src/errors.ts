import type { InferenceResponded } from "@sluice/contracts";

/** The codes of the client's own errors. A declined or failed request has the code that Sluice gave it. */
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

/** Every error that the client throws, except the reason of an aborted signal. */
export class SluiceError extends Error {
  /** A {@link ClientErrorCode}, or the code that Sluice gave the request. docs/reference/errors.md lists both. */
  readonly code: string;
  /** What to do, as sentences. The message ends with them. */
  readonly remedy: string;
  /** The id of the request, if the error is about one. */
  readonly requestId: string | undefined;

  constructor(code: string, what: string, { remedy, requestId, cause }: Explained) {
    super(`${what} ${remedy}`, { cause });
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy;
    this.requestId = requestId;
  }
}

/** Sluice declined the request because of a policy, a budget or an invalid value. Nothing was charged. */
export class RequestDeclined extends SluiceError {
  constructor(readonly response: InferenceResponded) {
    const { code, reason } = refusedOf(response);
    super(code, `Request ${response.requestId} was declined (${code}): ${reason}`, {
      requestId: response.requestId,
      remedy: "The same request would be declined again. Change it, and give it another id.",
    });
  }
}

/** Sluice admitted the request, but it has no answer. Its provider calls may be charged. */
export class RequestFailed extends SluiceError {
  constructor(readonly response: InferenceResponded) {
    const { code, reason } = refusedOf(response);
    const attempts = `${response.attempts} provider call${response.attempts === 1 ? "" : "s"}`;
    super(code, `Request ${response.requestId} failed after ${attempts} (${code}): ${reason}`, {
      requestId: response.requestId,
      remedy: "This id keeps this outcome. To try again, send the request with another id.",
    });
  }
}

/** The broker acknowledged the request, but no response arrived in time. The request may still be answered and charged. */
export class AnswerTimedOut extends SluiceError {
  constructor(requestId: string, timeoutMs: number, keyId: string, topicPrefix: string) {
    super(
      "CLIENT_NO_ANSWER",
      `No response to request ${requestId} arrived within ${timeoutMs} ms.`,
      {
        requestId,
        remedy:
          `Ask again with the same id, which joins the request and pays nothing twice. If no request gets ` +
          `a response, key "${keyId}" may be unknown or revoked, its secret may be wrong, or this machine's ` +
          `clock may be wrong by minutes. Look for the id on ${topicPrefix}inference.requested.dead-letter: ` +
          `the header dead-letter-code states the reason.`,
      },
    );
  }
}

/** The broker has not acknowledged the request. The request may or may not be on the topic. */
export class RequestNotSent extends SluiceError {
  constructor(requestId: string, cause: unknown) {
    super("CLIENT_NOT_SENT", `Request ${requestId} was not acknowledged: ${reasonOf(cause)}.`, {
      requestId,
      cause,
      remedy:
        "Send it again with the same id, which is safe. If that fails too, check that the account " +
        "has the right to write to the request topic.",
    });
  }
}

/** The broker or the schema registry did not respond in time, or denied access. */
export class Unreachable extends SluiceError {
  constructor(where: string, cause: unknown) {
    super("CLIENT_UNREACHABLE", `Cannot reach ${where}: ${reasonOf(cause)}.`, {
      cause,
      remedy:
        "Check the address, sasl, tls and topicPrefix. Check the account's rights to the topic and, for " +
        "reading, to groups that begin with sluice.client. Run `sluice up` if the topic does not exist.",
    });
  }
}

export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\.$/, "");
}

function refusedOf({ refused }: InferenceResponded): { code: string; reason: string } {
  return refused ?? { code: "internal_error", reason: "Sluice gave no reason." };
}
