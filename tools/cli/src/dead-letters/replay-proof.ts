import { existsSync, readFileSync } from "node:fs";
import {
  deadLetterNameOf,
  isFresh,
  replayedAt,
  replayHeadersOf,
  signatureHeaders,
  type Topic,
  topics,
} from "@sluice/contracts";
import { replaySecretFileOf } from "@sluice/local-stack";
import { parseConfig, replayKeys } from "@sluice/service-host/environment";
import type { RawMessage } from "@sluice/stage";
import { z } from "zod";
import { fromEnvironment } from "../environment.ts";
import { replaceControlCharacters } from "../output.ts";
import { type DeadLetter, deadLetterOf } from "./dead-letter.ts";

const schema = z.object(replayKeys);
const requestTopic = topics.inferenceRequested.name;
const staleCode = "INTAKE_SIGNATURE_STALE";

/**
 * Returns the secret of replays in the environment, or else that of the local stack; undefined if there is
 * neither.
 *
 * @throws UsageError if the variable is wrong
 */
export function replaySecretOf(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  const given = fromEnvironment(() => parseConfig(schema, environment)).SLUICE_REPLAY_SECRET;
  if (given !== undefined) return given;
  const file = replaySecretFileOf(dataDir);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** Which dead letters an operator vouches for. */
export interface Vouching {
  readonly topicPrefix: string;
  readonly secret: string | undefined;
  /** Whether the operator chose the letters by position or code. */
  readonly isChosen: boolean;
}

/** A dead letter that a replay may send. */
export interface ReplayableLetter extends DeadLetter {
  /** Whether ingress will accept its signature even if it is older than 5 minutes. */
  readonly isVouchedFor: boolean;
}

/** Returns a dead letter, and whether the replay vouches for it. Pure. */
export function replayableLetterOf(
  topic: Topic<unknown>,
  message: RawMessage,
  vouching: Vouching,
): ReplayableLetter {
  const letter = deadLetterOf(topic, message);
  return { ...letter, isVouchedFor: isVouchedFor(letter, lastHeadersOf(message), vouching) };
}

/**
 * A program that has recorded a message can send it again, and it becomes a dead letter: as a stale one, or with
 * another code if it could not be read. A replay of everything must not make it fresh, so it vouches only for
 * what was fresh when it arrived.
 */
function isVouchedFor(
  { topic, code }: DeadLetter,
  headers: Headers,
  { topicPrefix, secret, isChosen }: Vouching,
): boolean {
  if (topic !== requestTopic) return true;
  if (secret === undefined) return false;
  const issuedAt = headers[signatureHeaders.issuedAt]?.toString();
  // Ingress refuses a message without a signature, whatever proof it has.
  if (isChosen || issuedAt === undefined) return true;
  // A letter that version 0.1.0 wrote does not have it.
  const appendedAt = headers["dead-letter-appended-at"]?.toString() ?? "";
  const replayed = replayedAt({ topicPrefix, headers }, secret);
  return (
    code !== staleCode &&
    /^\d{1,15}$/.test(appendedAt) &&
    isFresh(issuedAt, Number(appendedAt), replayed)
  );
}

type Headers = Readonly<Record<string, string | Buffer | undefined>>;

/** Ingress reads the last value of a header that occurs several times. */
function lastHeadersOf({ headers }: RawMessage): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat().at(-1)]),
  );
}

/** Returns the message with the headers by which ingress recognises a replay. Pure. */
export function provedMessage(
  message: RawMessage,
  position: string,
  { topicPrefix, secret }: Vouching,
  now: number,
): RawMessage {
  if (secret === undefined || message.topic !== deadLetterNameOf(requestTopic)) return message;
  const headers = lastHeadersOf(message);
  const proof = replayHeadersOf({ topicPrefix, headers }, position, secret, now);
  return { ...message, headers: { ...message.headers, ...proof } };
}

/** Returns a note about letters that ingress accepts only within 5 minutes of their signature. Pure. */
export function unprovedNote(
  deadLetters: readonly ReplayableLetter[],
  { secret }: Pick<Vouching, "secret">,
): string {
  const unproved = deadLetters.filter((each) => !each.isVouchedFor);
  if (unproved.length === 0) return "";
  const choices = new Set(
    unproved.map(({ code }) => (code === null ? "their position" : `--code ${code}`)),
  );
  const remedy =
    secret === undefined
      ? "Set SLUICE_REPLAY_SECRET to the secret of ingress to replay older ones."
      : `If you trust their senders, replay them with ${replaceControlCharacters([...choices].join(" or "))}.`;
  return `Messages that ingress accepts only within 5 minutes of their signature: ${unproved.length}. ${remedy}\n`;
}
