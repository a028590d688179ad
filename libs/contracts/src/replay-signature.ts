import type { EpochMillis } from "@sluice/domain";
import { hmac, isSame, signatureHeaders } from "./request-signature.ts";

/** Names of the headers by which an operator vouches for a replayed dead letter. */
export const replayHeaders = {
  /** The position of the dead letter: `<topic>/<partition>/<offset>` without the prefix. */
  position: "sluice-replay-of",
  /** Milliseconds since 1970, in decimal digits. */
  at: "sluice-replay-at",
  signature: "sluice-replay-signature",
} as const;

type Headers = Readonly<Record<string, string | Buffer | undefined>>;

/** A dead letter of `inference.requested` that is sent again. */
export interface ReplayedMessage {
  /** The installation's prefix of all topics. */
  readonly topicPrefix: string;
  /** The headers of its sender's signature, which covers everything else of the message. */
  readonly headers: Headers;
}

/**
 * Returns the headers that prove that an operator replayed the message. The sender's signature is part of
 * what is signed, so the headers are worth nothing on another message.
 *
 * @param secret the replay secret of the installation, which producers do not have
 */
export function replayHeadersOf(
  message: ReplayedMessage,
  position: string,
  secret: string,
  now: EpochMillis,
): Readonly<Record<string, string>> {
  const at = String(now);
  return {
    [replayHeaders.position]: position,
    [replayHeaders.at]: at,
    [replayHeaders.signature]: hmac(fieldsOf(message, position, at), secret),
  };
}

/**
 * Returns when an operator replayed the message, in milliseconds since 1970; undefined if its headers do
 * not prove it. The sender's signature must be verified too.
 */
export function replayedAt(message: ReplayedMessage, secret: string): EpochMillis | undefined {
  const { headers } = message;
  const [position, at, signature] = [
    headers[replayHeaders.position],
    headers[replayHeaders.at],
    headers[replayHeaders.signature],
  ].map((value) => value?.toString() ?? "");
  if (!position || !at || !signature || !/^\d{1,15}$/.test(at)) return undefined;
  return isSame(signature, hmac(fieldsOf(message, position, at), secret)) ? Number(at) : undefined;
}

/** The mark differs from that of a request, so that no signature of a request is one of a replay. */
function fieldsOf({ topicPrefix, headers }: ReplayedMessage, position: string, at: string) {
  const ofSender = Object.values(signatureHeaders).map((name) => headers[name]?.toString() ?? "");
  return ["replay", topicPrefix, position, at, ...ofSender];
}
