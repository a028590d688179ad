import type { InferenceResponded } from "@sluice/contracts";
import type { TopicReader } from "@sluice/testing";
import { type SentMessage, numberHeader } from "./sent-message.ts";

/** How each message ended, by its number; read on from where it was read before. */
export class MessageOutcomes {
  readonly #deadLetters: TopicReader<Buffer>;
  readonly #responded: TopicReader<InferenceResponded>;
  readonly #numbers = new Map<string, number>();
  readonly #outcomes = new Map<number, string[]>();
  readonly #deadLetterValues = new Map<number, Buffer[]>();
  #deadLettersRead = 0;
  #respondedRead = 0;

  constructor(deadLetters: TopicReader<Buffer>, responded: TopicReader<InferenceResponded>) {
    this.#deadLetters = deadLetters;
    this.#responded = responded;
  }

  /** A message whose correlation id is changed is known by its request id, and the other way round. */
  track({ requestId, number }: SentMessage): void {
    this.#numbers.set(requestId, number);
  }

  /** A dead letter's code, or an outcome; each that is different once. */
  of({ number }: SentMessage): readonly string[] {
    this.#read();
    return this.#outcomes.get(number) ?? [];
  }

  /** Whether it is a dead letter twice, or one with other bytes. */
  hasWrongDeadLetter({ number, value }: SentMessage): boolean {
    const values = this.#deadLetterValues.get(number) ?? [];
    return values.length > 1 || values.some((each) => !each.equals(value));
  }

  #read(): void {
    const { deliveries } = this.#deadLetters;
    for (; this.#deadLettersRead < deliveries.length; this.#deadLettersRead += 1) {
      const { headers, value } = deliveries[this.#deadLettersRead]!;
      const number = Number(headers[numberHeader]);
      this.#add(number, `dead letter ${String(headers["dead-letter-code"])}`);
      this.#deadLetterValues.set(number, [...(this.#deadLetterValues.get(number) ?? []), value]);
    }
    const answers = this.#responded.deliveries;
    for (; this.#respondedRead < answers.length; this.#respondedRead += 1) {
      const { requestId, outcome, refused, correlationId } = answers[this.#respondedRead]!.record;
      const isNumber = /^\d{1,5}$/.test(correlationId ?? "");
      const number = isNumber ? Number(correlationId) : this.#numbers.get(requestId);
      if (number === undefined) continue;
      this.#add(number, `${outcome} ${refused?.code ?? ""}`.trim());
    }
  }

  #add(number: number, outcome: string): void {
    const known = this.#outcomes.get(number) ?? [];
    if (!known.includes(outcome)) this.#outcomes.set(number, [...known, outcome]);
  }
}
