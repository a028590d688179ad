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

/** The greatest distance of a signature's time of issue from the broker's append time, to either side. */
const ageMaxMs = 5 * 60_000;
/** A dead letter that an operator replays keeps its first signature; the topic keeps messages for 3 days. */
const replayAgeMaxMs = 3 * 24 * 60 * 60_000;

/**
 * Returns whether a signature is recent enough to be accepted. Compares its time of issue with the
 * message's append time and not with the time of reading: after an outage of Sluice, ingress must
 * still accept the messages that waited on the topic.
 *
 * @param provedAt when an operator replayed the message. The proof of a replay is as short-lived as a
 *   signature, or who records one could send it again.
 */
export function isFresh(
  issuedAt: string,
  appendedAt: EpochMillis,
  provedAt: EpochMillis | undefined,
): boolean {
  if (!/^\d{1,15}$/.test(issuedAt)) return false;
  const age = appendedAt - Number(issuedAt);
  if (Math.abs(age) <= ageMaxMs) return true;
  const isReplay = provedAt !== undefined && Math.abs(appendedAt - provedAt) <= ageMaxMs;
  return isReplay && age > 0 && age <= replayAgeMaxMs;
}
