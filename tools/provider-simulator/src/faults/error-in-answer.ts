import type { ModelInterface } from "../models.ts";

/** Returns the body of an error whose status is 200, as gateways in front of several providers send it. */
export function errorInAnswer(called: ModelInterface): object {
  return called === "messages"
    ? { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }
    : { error: { message: "Rate limit exceeded", code: 429 } };
}

/** Returns the event of an error in a stream. Anthropic's events have names. */
export function errorEvent(called: ModelInterface): string {
  const name = called === "messages" ? "event: error\n" : "";
  return `${name}data: ${JSON.stringify(errorInAnswer(called))}\n\n`;
}
