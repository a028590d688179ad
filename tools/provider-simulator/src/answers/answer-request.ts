import type { RequestedEnding } from "../faults/prompt-markers.ts";
import type { JsonObject } from "../json.ts";

/** A function that the answer must call. */
export interface RequiredTool {
  readonly name: string;
  /** The JSON schema of its arguments. */
  readonly parameters: JsonObject;
}

export type AnswerForm =
  | { readonly kind: "text" }
  | { readonly kind: "json"; readonly schema: JsonObject }
  | { readonly kind: "tool"; readonly tool: RequiredTool };

/** The parts of a request on which its answers depend, whatever interface it came through. */
export interface AnswerRequest {
  readonly model: string;
  /** A digest of the prompt, and the seed of the answers. */
  readonly promptDigest: string;
  /** The texts of the prompt. The longer they are, the longer is the answer. */
  readonly texts: readonly string[];
  readonly form: AnswerForm;
  /** The maximum of tokens of one answer, including reasoning. */
  readonly tokensMax: number;
  /** The maximum of reasoning tokens of one answer. */
  readonly reasoningTokensMax: number;
  readonly choices: number;
  readonly stops: readonly string[];
  readonly ending: RequestedEnding | null;
}
