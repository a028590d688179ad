import {
  type CacheDirective,
  defaultCacheDirective,
  defaultMessage,
  defaultRequest,
  defaultRequirements,
  type InferenceRequested,
  type Message,
  type Requirements,
} from "@sluice/contracts";
import { isRequestId } from "@sluice/domain";
import { SluiceError } from "./errors.ts";

/** The contract's record, with everything optional that has a default. */
export interface Request extends Partial<
  Omit<InferenceRequested, "messages" | "parameters" | "requirements" | "cache">
> {
  /** Needed for a chat, and only there; for embeddings set `operation`, and `inputs` or `tokenInputs`. */
  readonly messages?: readonly (Pick<Message, "role"> & Partial<Message>)[];
  /** OpenAI's sampling parameters by their names; those that Sluice does not know are declined by name. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly requirements?: Partial<Requirements>;
  readonly cache?: Partial<CacheDirective>;
}

/**
 * The record as it goes onto the topic.
 *
 * @param requestId used where the request has none
 * @throws SluiceError `CLIENT_REQUEST_INVALID` for what could only become a dead letter, unanswered
 */
export function recordOf(request: Request, requestId: string): InferenceRequested {
  const { messages = [], parameters = {}, requirements, cache, ...given } = request;
  const record: InferenceRequested = {
    ...defaultRequest,
    ...definedOf(given),
    requestId: given.requestId ?? requestId,
    messages: messages.map((message) => ({ ...defaultMessage, ...message })),
    parameters: JSON.stringify(parameters),
    requirements: { ...defaultRequirements, ...requirements },
    cache: { ...defaultCacheDirective, ...cache },
  };
  if (!isRequestId(record.requestId))
    throw invalid("requestId must be 1 to 128 printable ASCII characters without spaces.");
  const { operation, inputs, tokenInputs } = record;
  if (operation === "chat" && record.messages.length === 0)
    throw invalid("messages must hold at least one message.");
  if (operation === "embeddings" && inputs.length + tokenInputs.length === 0)
    throw invalid("inputs or tokenInputs must hold at least one.");
  return record;
}

/** A member that is there and undefined, as JavaScript has it, is one that is not given. */
function definedOf<T extends object>(given: T): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only members without a value are left out
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

function invalid(what: string): SluiceError {
  return new SluiceError("CLIENT_REQUEST_INVALID", what, { remedy: "Nothing was sent." });
}
