import type { AdditionalMembers } from "@sluice/declarations";
import type { Parsed, Refusal } from "./refusal.ts";

/** Returns the value of a result, and fails the test if it is a refusal. */
export function valueOf<T>(result: Parsed<T>): T {
  if (result.kind === "refused") throw new Error(`It was refused: ${result.reason}`);
  return result.value;
}

/** Returns the refusal of a result, and fails the test if it is a value. */
export function refusalOf(result: Parsed<unknown>): Refusal {
  if (result.kind === "parsed") throw new Error("It was not refused.");
  return result;
}

/** What is allowed if no model declares additional members. */
export const noAdditions: AdditionalMembers = {
  requestMembers: new Set(),
  answerMembers: new Set(),
};

export const someAdditions: AdditionalMembers = {
  requestMembers: new Set(["top_k", "chat_template_kwargs", "input_type"]),
  answerMembers: new Set(["annotations", "citations"]),
};
