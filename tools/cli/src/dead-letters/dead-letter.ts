import { allTopics, type Topic } from "@sluice/contracts";
import type { RawMessage } from "@sluice/stage";
import { UsageError } from "../usage-error.ts";

/** A dead letter without its bytes. */
export interface DeadLetter {
  /** `<topic>/<partition>/<offset>`: the topic that it is a dead letter of, and where it stands among those. */
  readonly position: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Null where a header is missing: somebody else wrote it there. */
  readonly code: string | null;
  readonly stage: string | null;
  /** When it left its stage; else when it was appended. */
  readonly deadLetteredAt: number;
  /** Where it stood on its topic. */
  readonly source: { readonly partition: string | null; readonly offset: string | null };
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
}

export interface MessagePosition {
  readonly topic: Topic<unknown>;
  readonly partition: number;
  readonly offset: bigint;
}

/** Topics that can have dead letters. */
export const topicsWithDeadLetters: readonly Topic<unknown>[] = allTopics.filter(
  ({ deadLetter }) => deadLetter,
);

/** @param message as it stands on the dead-letter topic of `topic`. Pure. */
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

/** All headers as text, as a header that was given several times has several. Pure. */
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

/** Bytes that are no text are shown as what they are. */
function textOf(value: Buffer | string): string {
  if (typeof value === "string") return value;
  const text = value.toString("utf8");
  return Buffer.from(text).equals(value) ? text : `hex:${value.toString("hex")}`;
}

/** @throws UsageError for what is no position */
export function parsePosition(position: string): MessagePosition {
  const [, name = "", partition = "", offset = ""] =
    /^([\w.-]+)\/(\d{1,6})\/(\d{1,18})$/.exec(position) ?? [];
  if (name === "")
    throw new UsageError(
      `"${position}" is no position: give one as list shows it, such as inference.requested/0/12.`,
    );
  return { topic: topicNamed(name), partition: Number(partition), offset: BigInt(offset) };
}

/** @throws UsageError naming those that there are */
export function topicNamed(name: string): Topic<unknown> {
  const plain = name.replace(/\.dead-letter$/, "");
  const topic = topicsWithDeadLetters.find((each) => each.name === plain);
  if (topic) return topic;
  const known = topicsWithDeadLetters.map((each) => each.name).join(", ");
  throw new UsageError(`There is no topic "${name}" with dead letters; there are ${known}.`);
}

/** Newest first; those of one moment as they stand. Pure. */
export function newestFirst(deadLetters: readonly DeadLetter[]): readonly DeadLetter[] {
  return deadLetters.toSorted(
    (a, b) => b.deadLetteredAt - a.deadLetteredAt || Number(b.offset - a.offset),
  );
}
