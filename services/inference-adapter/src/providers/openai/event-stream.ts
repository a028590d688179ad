import { createParser, type EventSourceMessage } from "eventsource-parser";

/** A response that was received in full and that is not what it says it is. */
export class UnreadableAnswer extends Error {}

/**
 * Yields the JSON values of a stream of events. Events without data, or with other text than JSON, keep a connection
 * alive and mean nothing. If a provider answers with one JSON document instead of a stream, that is the only value.
 *
 * @throws UnreadableAnswer if JSON is damaged, and the errors of the connection
 */
export async function* valuesOf(response: Response): AsyncGenerator {
  if (isDocument(response)) {
    yield documentOf(await response.text());
    return;
  }
  const events: EventSourceMessage[] = [];
  let ended = false;
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  const taken = function* (): Generator {
    for (const event of events.splice(0)) {
      ended ||= event.data.trim() === "[DONE]";
      if (!ended) yield* valueOf(event);
    }
  };
  // Reads to the end also after `[DONE]`, because the connection can then be used again.
  for await (const piece of response.body ?? []) {
    parser.feed(decoder.decode(piece, { stream: true }));
    yield* taken();
  }
  // The last event may have no empty line behind it.
  parser.feed(`${decoder.decode()}\n\n`);
  yield* taken();
}

/** Reads a whole answer. @throws UnreadableAnswer if it is not JSON, and the errors of the connection */
export async function wholeOf(response: Response): Promise<unknown> {
  return documentOf(await response.text());
}

/** A page for people is one too, and no stream without events. */
function isDocument({ headers }: Response): boolean {
  return /\b(?:json|html)\b/i.test(headers.get("content-type") ?? "");
}

function documentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of the parser quotes the text.
    throw new UnreadableAnswer("The provider's answer is not JSON.");
  }
}

function* valueOf({ event, data }: EventSourceMessage): Generator {
  const text = data.trim();
  const isJson = text.startsWith("{") || text.startsWith("[");
  if (event === "error") {
    const value = isJson ? documentOf(text) : text;
    const hasError = typeof value === "object" && value !== null && "error" in value;
    yield hasError ? value : { error: value };
  } else if (isJson) yield documentOf(text);
}
