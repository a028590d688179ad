import type { Message } from "@sluice/contracts";
import { type Dialect, plainDialect } from "@sluice/declarations";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { aCandidate } from "../../attempt/dispatched.fixture.ts";
import { messagesBodyOf } from "./messages-body.ts";

export interface Changes {
  readonly messages?: readonly Partial<Message>[];
  readonly parameters?: object;
  readonly stream?: boolean;
  readonly dialect?: Partial<Dialect>;
  readonly outputLimit?: bigint;
}

/** Returns the body for a chat of these messages. */
export function bodyOf({
  messages,
  parameters = {},
  stream = false,
  dialect,
  outputLimit,
}: Changes = {}) {
  const said = messages ?? [{ role: "user", content: "Name a river." }];
  const request = aRequest({
    messages: said.map((each) => aMessage(each)),
    parameters: JSON.stringify(parameters),
  });
  const candidate = aCandidate(outputLimit === undefined ? {} : { outputLimit });
  return messagesBodyOf(request, candidate, stream, { ...plainDialect, ...dialect });
}

export const user = { role: "user", content: "Name a river." } as const;
export const toolCalls = JSON.stringify([
  { id: "call_1", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } },
]);
