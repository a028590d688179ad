import { formatUsd } from "@sluice/domain";
import type { Answer } from "./answer.ts";

/** Returns an answer in the form of the JSON output, with money as a decimal string. Pure. */
export function resultOf(answer: Answer): object {
  if (answer.kind !== "answered") return answer;
  const { costNanoUsd, text, response, ...served } = answer;
  const costUsd = costNanoUsd === null ? null : formatUsd(costNanoUsd);
  // A streamed answer has no whole body, so the result contains its text instead.
  return { ...served, costUsd, ...(response === null ? { text } : { response }) };
}
