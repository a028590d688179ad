import { allTopics, type Topic } from "@sluice/contracts";
import type { RawMessage } from "@sluice/stage";
import { UsageError } from "../usage-error.ts";

/** A dead letter without its bytes. */
export interface DeadLetter {
  /** `<topic>/<partition>/<offset>`: the original topic, and the partition and offset on its dead-letter topic. */
  readonly position: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Null if the header is missing, because another program wrote the message. */
  readonly code: string | null;
  readonly stage: string | null;
  /** When the stage dead-lettered it, or else when it was appended. Milliseconds since 1970. */
  readonly deadLetteredAt: number;
  /** Its partition and offset on the original topic. */
  readonly source: { readonly partition: string | null; readonly offset: string | null };
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
}

/** The parsed form of {@link DeadLetter.position}. */
export interface MessagePosition {
  readonly topic: Topic<unknown>;
  readonly partition: number;
  readonly offset: bigint;
}

/** Topics that can have dead letters. */
export const topicsWithDeadLetters: readonly Topic<unknown>[] = allTopics.filter(
  ({ deadLetter }) => deadLetter,
);

/** Returns the dead letter in a message of the dead-letter topic of `topic`. Pure. */
export function deadLetterOf(topic: Topic<unknown>, message: RawMessage): DeadLetter {
  const { partition, offset, key, value, appendedAt } = message;
  const header = (name: string) => headerOf(message, `dead-letter-${name}`);
  const at = header("at") ?? "";
  return {
    position: `${topic.name}/${partition}/${offset}`,
    topic: topic.name,
    partition,
    offset,
    code: header("code"),
    stage: header("stage"),
    deadLetteredAt: /^\d{1,15}$/.test(at) ? Number(at) : appendedAt,
    source: { partition: header("partition"), offset: header("offset") },
    keyBytes: key?.length ?? null,
    valueBytes: value?.length ?? null,
  };
}

/** Returns all headers as text. A header that the message has several times is returned several times. Pure. */
export function headersOf({ headers }: RawMessage): readonly (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, given]) =>
    [given]
      .flat()
      .flatMap((value) => (value === undefined ? [] : [[name, textOf(value)] as const])),
  );
}

function headerOf(message: RawMessage, name: string): string | null {
  return headersOf(message).findLast(([each]) => each === name)?.[1] ?? null;
}

/** Returns bytes that are not UTF-8 in hexadecimal. */
function textOf(value: Buffer | string): string {
  if (typeof value === "string") return value;
  const text = value.toString("utf8");
  return Buffer.from(text).equals(value) ? text : `hex:${value.toString("hex")}`;
}

/** Parses a position as `sluice dead-letters list` prints it. @throws UsageError */
export function parsePosition(position: string): MessagePosition {
  const [, name = "", partition = "", offset = ""] =
    /^([\w.-]+)\/(\d{1,6})\/(\d{1,18})$/.exec(position) ?? [];
  if (name === "")
    throw new UsageError(
      `"${position}" is not a position. Give one as "sluice dead-letters list" prints it, such as inference.requested/0/12.`,
    );
  return { topic: topicNamed(name), partition: Number(partition), offset: BigInt(offset) };
}

/** Returns the topic with this name, or with this dead-letter name. @throws UsageError naming all such topics */
export function topicNamed(name: string): Topic<unknown> {
  const plain = name.replace(/\.dead-letter$/, "");
  const topic = topicsWithDeadLetters.find((each) => each.name === plain);
  if (topic) return topic;
  const known = topicsWithDeadLetters.map((each) => each.name).join(", ");
  throw new UsageError(`There is no topic "${name}" with dead letters. Choose one of ${known}.`);
}

/** Sorts the newest first, and those of the same millisecond by descending offset. Pure. */
export function newestFirst(deadLetters: readonly DeadLetter[]): readonly DeadLetter[] {
  return deadLetters.toSorted(
    (a, b) => b.deadLetteredAt - a.deadLetteredAt || Number(b.offset - a.offset),
  );
}
