interface Sign {
  /** In an error's code or message: clients keep sometimes the one, sometimes the other. */
  readonly sign: RegExp;
  readonly sentence: string;
}

/** In order: the first that fits speaks. "It" is the server that was called. */
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
 * Why a server could not be called, with what to do about it, as far as the error or what it was
 * caused by tells; undefined where neither does.
 */
export function connectionTroubleOf(error: unknown): string | undefined {
  const texts = [...errorsIn(error)].map(textOf);
  return signs.find(({ sign }) => texts.some((text) => sign.test(text)))?.sentence;
}

/** The error, what it was caused by, and what it gathers, each once. */
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
