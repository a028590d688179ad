import type { InferenceResponded } from "@sluice/contracts";
import type { TopicReader } from "@sluice/testing";
import { type Mail, numberHeader } from "./sent-message.ts";

/** How each message ended, by its number; read on from where it was read before. */
export class Ends {
  readonly #letters: TopicReader<Buffer>;
  readonly #responded: TopicReader<InferenceResponded>;
  readonly #numbers = new Map<string, number>();
  readonly #ends = new Map<number, string[]>();
  readonly #values = new Map<number, Buffer[]>();
  #lettersRead = 0;
  #respondedRead = 0;

  constructor(letters: TopicReader<Buffer>, responded: TopicReader<InferenceResponded>) {
    this.#letters = letters;
    this.#responded = responded;
  }

  /** A message whose correlation id is changed is known by its request id, and the other way round. */
  expect({ requestId, number }: Mail): void {
    this.#numbers.set(requestId, number);
  }

  /** A dead letter's code, or an outcome; each that is different once. */
  of({ number }: Mail): readonly string[] {
    this.#read();
    return this.#ends.get(number) ?? [];
  }

  /** Whether it is a dead letter twice, or one with other bytes. */
  isLetterWrong({ number, value }: Mail): boolean {
    const values = this.#values.get(number) ?? [];
    return values.length > 1 || values.some((each) => !each.equals(value));
  }

  #read(): void {
    const { deliveries } = this.#letters;
    for (; this.#lettersRead < deliveries.length; this.#lettersRead += 1) {
      const { headers, value } = deliveries[this.#lettersRead]!;
      const number = Number(headers[numberHeader]);
      this.#note(number, `dead letter ${String(headers["dead-letter-code"])}`);
      this.#values.set(number, [...(this.#values.get(number) ?? []), value]);
    }
    const answers = this.#responded.deliveries;
    for (; this.#respondedRead < answers.length; this.#respondedRead += 1) {
      const { requestId, outcome, refused, correlationId } = answers[this.#respondedRead]!.record;
      const isNumber = /^\d{1,5}$/.test(correlationId ?? "");
      const number = isNumber ? Number(correlationId) : this.#numbers.get(requestId);
      if (number === undefined) continue;
      this.#note(number, `${outcome} ${refused?.code ?? ""}`.trim());
    }
  }

  #note(number: number, end: string): void {
    const so = this.#ends.get(number) ?? [];
    if (!so.includes(end)) this.#ends.set(number, [...so, end]);
  }
}
