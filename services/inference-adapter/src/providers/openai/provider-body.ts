import type { Candidate, InferenceRequested } from "@sluice/contracts";
import { chatBodyOf, parametersOf } from "./chat-body.ts";
import type { ProviderBody } from "../provider.ts";

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
): ProviderBody {
  return request.operation === "embeddings"
    ? embeddingBodyOf(request, candidate)
    : chatBodyOf(request, candidate, stream);
}

/**
 * Returns the body of `POST /embeddings`. It always asks for base64, which keeps the bits of the
 * embeddings and takes a quarter of the bytes of printed numbers. Ingress converts them to the
 * encoding that the client asked for.
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
