import { formatUsd } from "@sluice/domain";
import type { Answer } from "./answer.ts";

/** An answer for programs; money as a decimal string. Pure. */
export function resultOf(answer: Answer): object {
  if (answer.kind !== "answered") return answer;
  const { costNanoUsd, text, response, ...served } = answer;
  const costUsd = costNanoUsd === null ? null : formatUsd(costNanoUsd);
  // A streamed answer has no body of its own: its text stands in for it.
  return { ...served, costUsd, ...(response === null ? { text } : { response }) };
}
