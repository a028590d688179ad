import type { InferenceRequested } from "@sluice/contracts";

/** What every path reads from a body; the record of the request takes these members as they are. */
export interface RequestBody extends Pick<
  InferenceRequested,
  "operation" | "model" | "messages" | "inputs" | "tokenInputs"
> {
  /** JSON of the parameters that are set. Their names have a fixed order; their values are as the client sent them. */
  readonly parameters: string;
  readonly stream: boolean;
}
