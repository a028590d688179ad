import {
  type CacheDirective,
  defaultCacheDirective,
  defaultMessage,
  defaultRequest,
  defaultRequirements,
  type InferenceRequested,
  type Message,
  type Requirements,
  textOfParts,
} from "@sluice/contracts";
import { isRequestId } from "@sluice/domain";
import { SluiceError } from "./errors.ts";

/** The contract's record, in which all fields with a default are optional. */
export interface Request extends Partial<
  Omit<InferenceRequested, "messages" | "parameters" | "requirements" | "cache">
> {
  /** Required for a chat, and only for a chat. For embeddings, set `operation`, and `inputs` or `tokenInputs`. */
  readonly messages?: readonly (Pick<Message, "role"> & Partial<Message>)[];
  /** OpenAI's sampling parameters by their names. Sluice declines a request with an unknown parameter. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly requirements?: Partial<Requirements>;
  readonly cache?: Partial<CacheDirective>;
}

/**
 * Returns the record of a request.
 *
 * @param requestId used if the request has none
 * @throws SluiceError `CLIENT_REQUEST_INVALID` for a request that ingress would dead-letter without a response
 */
export function recordOf(request: Request, requestId: string): InferenceRequested {
  const { messages = [], parameters = {}, requirements, cache, ...given } = request;
  const record: InferenceRequested = {
    ...defaultRequest,
    ...definedOf(given),
    requestId: given.requestId ?? requestId,
    messages: messages.map(messageOf),
    parameters: JSON.stringify(parameters),
    requirements: { ...defaultRequirements, ...requirements },
    cache: { ...defaultCacheDirective, ...cache },
  };
  if (!isRequestId(record.requestId))
    throw invalid("requestId must be 1 to 128 printable ASCII characters without spaces.");
  const { operation, inputs, tokenInputs } = record;
  if (operation === "chat" && record.messages.length === 0)
    throw invalid("messages must contain at least one message.");
  if (operation === "embeddings" && inputs.length + tokenInputs.length === 0)
    throw invalid("inputs or tokenInputs must contain at least one input.");
  return record;
}

/** Sets the content of a message with parts to their text, unless it has one: ingress declines any other. */
function messageOf(given: Pick<Message, "role"> & Partial<Message>): Message {
  const message = { ...defaultMessage, ...given };
  if (message.parts === null || given.content !== undefined) return message;
  return { ...message, content: textIn(message.parts) };
}

/** Returns no text if the parts are not JSON. Ingress declines them, and states why. */
function textIn(parts: string): string {
  try {
    const read: unknown = JSON.parse(parts);
    return Array.isArray(read) ? textOfParts(read) : "";
  } catch {
    return "";
  }
}

/** Removes members whose value is undefined, so that they get their default. */
function definedOf<T extends object>(given: T): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only members without a value are left out
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

function invalid(what: string): SluiceError {
  return new SluiceError("CLIENT_REQUEST_INVALID", what, { remedy: "Nothing was sent." });
}
