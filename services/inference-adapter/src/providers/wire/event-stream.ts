import { createParser, type EventSourceMessage } from "eventsource-parser";

/** A response that was received in full and that is not what it says it is. */
export class UnreadableAnswer extends Error {}

/** The time for which a connection is read on after the end of an answer, so that it can be used again. */
const endMsMax = 1_000;

/** An event of a stream. */
export type WireEvent = EventSourceMessage;

/**
 * The JSON values of an answer: those of its events, or the one document. Which of both it is follows from its
 * first character, because servers give either any content type.
 */
export class AnswerValues {
  readonly #response: Response;
  readonly #isLast: (event: WireEvent) => boolean;
  #isComplete = false;

  /** @param isLast whether an event says that the answer is complete. It has no value */
  constructor(response: Response, isLast: (event: WireEvent) => boolean) {
    this.#response = response;
    this.#isLast = isLast;
  }

  /** Whether the provider said that this was all: with the last event, or by the end of a document. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * Yields the values. Events without data, or with other text than JSON, keep a connection alive and mean nothing.
   *
   * @throws UnreadableAnswer if JSON is damaged, and the errors of the connection
   */
  async *read(): AsyncGenerator {
    const events: WireEvent[] = [];
    const parser = createParser({ onEvent: (event) => events.push(event) });
    let document: string[] | undefined;
    let beginning = "";
    for await (const text of this.#texts()) {
      if (document) document.push(text);
      else if (beginning.trim() === "") {
        beginning += text;
        // A page for people begins with `<`, and is a document that is not JSON.
        if (/^[\s\uFEFF]*[{[<]/.test(beginning)) document = [beginning];
        else if (beginning.trim() !== "") parser.feed(beginning);
      } else parser.feed(text);
      yield* this.#valuesOf(events);
    }
    // The last event may have no empty line behind it.
    parser.feed("\n\n");
    yield* this.#valuesOf(events);
    if (!document) return;
    yield documentOf(document.join(""));
    this.#isComplete = true;
  }

  *#valuesOf(events: WireEvent[]): Generator {
    for (const event of events.splice(0)) {
      if (this.#isLast(event)) this.#isComplete = true;
      if (!this.#isComplete) yield* valueOf(event);
    }
  }

  /** Yields the body as text. It is read to its end also after the last event, but does not wait for a server that keeps it open. */
  async *#texts(): AsyncGenerator<string> {
    const reader = this.#response.body?.getReader();
    if (!reader) return;
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const reading = reader.read();
        const read = await (this.#isComplete ? soon(reading) : reading);
        if (!read || read.done) break;
        yield decoder.decode(read.value, { stream: true });
      }
      yield decoder.decode();
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}

/** Resolves to undefined if nothing comes in time. */
async function soon<T>(reading: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), endMsMax);
  });
  return Promise.race([reading, tooLate]).finally(() => clearTimeout(timer));
}

/** Reads an answer that is one document. @throws UnreadableAnswer if it is not JSON, and the errors of the connection */
export async function documentIn(response: Response): Promise<unknown> {
  return documentOf(await response.text());
}

function documentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of the parser quotes the text.
    throw new UnreadableAnswer("The provider's answer is not JSON.");
  }
}

function* valueOf({ event, data }: WireEvent): Generator {
  const text = data.trim();
  const isJson = text.startsWith("{") || text.startsWith("[");
  if (event === "error") {
    const value = isJson ? documentOf(text) : text;
    const hasError = typeof value === "object" && value !== null && "error" in value;
    yield hasError ? value : { error: value };
  } else if (isJson) yield documentOf(text);
}
