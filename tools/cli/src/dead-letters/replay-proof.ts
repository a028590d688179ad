import { existsSync, readFileSync } from "node:fs";
import { deadLetterNameOf, replayHeadersOf, topics } from "@sluice/contracts";
import { replaySecretFileOf } from "@sluice/local-stack";
import { parseConfig, replayKeys } from "@sluice/service-host/environment";
import type { RawMessage } from "@sluice/stage";
import { z } from "zod";
import { fromEnvironment } from "../environment.ts";
import type { DeadLetter } from "./dead-letter.ts";

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
  /**
   * Whether the operator chose the letters by position or code. A program that has recorded a message can send
   * it again, and it becomes a stale dead letter, so a replay of everything must not make it fresh.
   */
  readonly isChosen: boolean;
}

/** Returns whether ingress will accept the signature of a letter that is older than 5 minutes. Pure. */
export function isVouchedFor(
  { topic, code }: Pick<DeadLetter, "topic" | "code">,
  { secret, isChosen }: Vouching,
): boolean {
  if (topic !== requestTopic) return true;
  return secret !== undefined && (isChosen || code !== staleCode);
}

/** Returns the message with the headers by which ingress recognises a replay. Pure. */
export function provedMessage(
  message: RawMessage,
  position: string,
  { topicPrefix, secret }: Vouching,
  now: number,
): RawMessage {
  if (secret === undefined || message.topic !== deadLetterNameOf(requestTopic)) return message;
  // Ingress reads the last value of a header that occurs several times.
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value].flat().at(-1)]),
  );
  const proof = replayHeadersOf({ topicPrefix, headers }, position, secret, now);
  return { ...message, headers: { ...message.headers, ...proof } };
}

/** Returns a note about letters that ingress accepts only within 5 minutes of their signature. Pure. */
export function unprovedNote(deadLetters: readonly DeadLetter[], vouching: Vouching): string {
  const count = deadLetters.filter((each) => !isVouchedFor(each, vouching)).length;
  if (count === 0) return "";
  const remedy =
    vouching.secret === undefined
      ? "Set SLUICE_REPLAY_SECRET to the secret of ingress to replay older ones."
      : `If you trust their senders, replay them with --code ${staleCode}.`;
  return `Messages that ingress accepts only within 5 minutes of their signature: ${count}. ${remedy}\n`;
}
