/**
 * Returns the text of content parts, joined without a separator: that of text parts and of refusals. The
 * `content` of a message with parts must equal it.
 */
export function textOfParts(parts: readonly unknown[]): string {
  return parts.map(textOfPart).join("");
}

function textOfPart(part: unknown): string {
  if (typeof part !== "object" || part === null || !("type" in part)) return "";
  if (part.type === "text" && "text" in part) return String(part.text);
  return part.type === "refusal" && "refusal" in part ? String(part.refusal) : "";
}
