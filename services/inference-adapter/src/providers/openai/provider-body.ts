import type { Candidate, InferenceRequested } from "@sluice/contracts";
import type { Dialect } from "@sluice/declarations";
import type { ProviderBody } from "../provider.ts";
import { isTaken, parametersOf } from "../request-parameters.ts";
import { chatBodyOf } from "./chat-body.ts";

/**
 * Returns the body that the provider receives for a request.
 *
 * @param stream whether to stream the answer; embeddings ignore it
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function bodyOf(
  request: InferenceRequested,
  candidate: Candidate,
  stream: boolean,
  dialect: Dialect,
): ProviderBody {
  return request.operation === "embeddings"
    ? embeddingBodyOf(request, candidate, dialect)
    : chatBodyOf(request, candidate, stream, dialect);
}

/**
 * Returns the body of `POST /embeddings`. It asks for the encoding of the provider's dialect. Ingress converts the
 * embeddings to the encoding that the client asked for.
 */
function embeddingBodyOf(
  request: InferenceRequested,
  { model }: Candidate,
  { embeddingEncoding, requestMembers }: Dialect,
): ProviderBody {
  const { inputs, tokenInputs } = request;
  const passed = Object.entries(parametersOf(request)).filter(
    ([name, value]) => isTaken(name, requestMembers) && value !== null,
  );
  return {
    ...Object.fromEntries(passed),
    model,
    input: inputs.length > 0 ? inputs : tokenInputs,
    encoding_format: embeddingEncoding,
  };
}
