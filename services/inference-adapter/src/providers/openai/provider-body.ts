import type { Candidate, InferenceRequested } from "@sluice/contracts";
import { chatBodyOf, parametersOf } from "./chat-body.ts";
import type { ProviderBody } from "../provider.ts";

/**
 * The request as the provider gets it.
 *
 * @param stream only a chat has anything to stream
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function bodyOf(
  request: InferenceRequested,
  candidate: Candidate,
  stream: boolean,
): ProviderBody {
  return request.operation === "embeddings"
    ? embeddingBodyOf(request, candidate)
    : chatBodyOf(request, candidate, stream);
}

/**
 * The body of `POST /embeddings`. Always base64, which has the embeddings' own bits in a quarter of
 * the bytes that printed numbers take; what the caller wants to read is the edge's affair.
 */
function embeddingBodyOf(request: InferenceRequested, { model }: Candidate): ProviderBody {
  const { inputs, tokenInputs } = request;
  const passed = Object.entries(parametersOf(request)).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(passed),
    model,
    input: inputs.length > 0 ? inputs : tokenInputs,
    encoding_format: "base64",
  };
}
