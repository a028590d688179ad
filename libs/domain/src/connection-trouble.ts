interface Sign {
  /** Matches an error's code or message. Some client libraries keep the one, some the other. */
  readonly sign: RegExp;
  readonly sentence: string;
}

/** The first sign that matches decides. "It" in a sentence is the server that was called. */
const signs: readonly Sign[] = [
  {
    sign: /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/,
    sentence:
      "its certificate is for other names than the one it was called by: call it by a name of its certificate, or have one made for this name",
  },
  {
    sign: /CERT_HAS_EXPIRED|certificate has expired/,
    sentence: "its certificate has expired: have it renewed",
  },
  {
    sign: /SELF_SIGNED_CERT|self-signed certificate|UNABLE_TO_VERIFY_LEAF|unable to verify the first|UNABLE_TO_GET_ISSUER|unable to get (?:local )?issuer|CERT_SIGNATURE_FAILURE|certificate signature failure/,
    sentence:
      "its certificate is not signed by an authority that is trusted here: give the file of the right CA",
  },
  {
    sign: /alert certificate required|CERTIFICATE_REQUIRED|alert bad certificate|alert handshake failure|alert unknown ca/i,
    sentence: "it asks for a client certificate that it trusts: give certificate and key",
  },
  {
    sign: /wrong version number|WRONG_VERSION_NUMBER|packet length too long|PACKET_LENGTH_TOO_LONG|unexpected message|before secure TLS connection|does not support SSL connections/i,
    sentence: "it does not speak TLS there: call the port that does, or without TLS",
  },
  { sign: /ENOTFOUND|EAI_AGAIN/, sentence: "its name is not known here: correct the address" },
  {
    sign: /ECONNREFUSED/,
    sentence: "nothing listens there: correct the address, or start the server",
  },
  {
    sign: /EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|timed? ?out/i,
    sentence:
      "it did not answer in time: look at the address and the network between, and whether it speaks TLS there",
  },
  {
    sign: /ECONNRESET|EPIPE|socket hang up|[Cc]onnection (?:was )?closed|Closed connection|Connection terminated/,
    sentence: "it closed the connection at once: it may speak TLS there, or ask for a user",
  },
];

const depthMax = 8;

/**
 * Explains why a connection to a server failed and what to do, from the error or its causes.
 * Returns undefined if the cause is not recognised.
 */
export function connectionTroubleOf(error: unknown): string | undefined {
  const texts = [...errorsIn(error)].map(textOf);
  return signs.find(({ sign }) => texts.some((text) => sign.test(text)))?.sentence;
}

/** Yields the error, its causes, and the errors of an `AggregateError`. */
export function* errorsIn(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth > depthMax) return;
  yield error;
  yield* errorsIn(error.cause, depth + 1);
  if ("errors" in error && Array.isArray(error.errors))
    for (const each of error.errors) yield* errorsIn(each, depth + 1);
}

function textOf(error: Error): string {
  return "code" in error && typeof error.code === "string"
    ? `${error.code} ${error.message}`
    : error.message;
}
