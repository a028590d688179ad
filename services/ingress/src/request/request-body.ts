import type { InferenceRequested } from "@sluice/contracts";

/** What a body asks for, whichever path it came to; the record takes it over as it is. */
export interface AskedBody extends Pick<
  InferenceRequested,
  "operation" | "model" | "messages" | "inputs" | "tokenInputs"
> {
  /** JSON of the parameters that were set, their names in one order, their values as they came. */
  readonly parameters: string;
  readonly stream: boolean;
}
