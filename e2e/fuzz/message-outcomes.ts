import type { InferenceResponded } from "@sluice/contracts";
import type { TopicReader } from "@sluice/testing";
import { type SentMessage, numberHeader } from "./sent-message.ts";

/** Collects how each message ended, by its number. Each call reads only the deliveries since the last call. */
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

  /** Registers a message, so that its response is found by request id if the message changed the correlation id. */
  track({ requestId, number }: SentMessage): void {
    this.#numbers.set(requestId, number);
  }

  /** Returns the distinct ends of a message: dead-letter codes and outcomes. */
  of({ number }: SentMessage): readonly string[] {
    this.#read();
    return this.#outcomes.get(number) ?? [];
  }

  /** Returns whether the message was dead-lettered more than once, or with other bytes. */
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
