import type { InferenceRequested } from "@sluice/contracts";
import { recordBytesMax } from "./record-limits.ts";
import { type Refusal, refused } from "./refusal.ts";

/**
 * The limit of the texts of a record that ingress makes of a body, in bytes. Text in parts is stored as parts and as
 * content, so a body of 768 KiB, the preset limit, can need twice its length. The rest of the 2 MiB of a message is for
 * what the stages add. An operator can allow bodies of this length, of which pictures are stored once.
 */
const textBytesMax = 2 * recordBytesMax;
/** One UTF-16 code unit has at most so many bytes in UTF-8. */
const bytesOfUnitMax = 3;

/**
 * Returns the refusal of a request whose record does not fit into a message, although its body was short enough;
 * undefined if it fits. A body of 768 KiB grows that much only by its numbers: JSON is written again, and `1E20` then has
 * 21 digits. Kafka could refuse the record after the request was admitted. Pure.
 */
export function recordSizeRefusalOf(request: InferenceRequested): Refusal | undefined {
  const texts = textsOf(request);
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  if (units * bytesOfUnitMax <= textBytesMax) return undefined;
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= textBytesMax) return undefined;
  const reason = `The request needs ${bytes} bytes as a record, and ${textBytesMax} are allowed; shorten it. Text in parts counts twice, and numbers count as they are written out.`;
  return refused("body_too_large", reason, null);
}

function textsOf({ messages, parameters, inputs }: InferenceRequested): readonly string[] {
  const ofMessages = messages.flatMap(({ content, parts, toolCalls, members }) => [
    content,
    parts ?? "",
    toolCalls ?? "",
    members ?? "",
  ]);
  return [...ofMessages, parameters, ...inputs];
}
