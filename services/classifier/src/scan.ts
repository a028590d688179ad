/** How many characters are read of one text, from its beginning and from its end. */
export const scanLimit = { headCharacters: 12_288, tailCharacters: 4_096 };

/**
 * Returns the part of a text that is read: its beginning and its end, where the instruction is. Pasted
 * material is usually between them. This bounds the time that a prompt can take.
 */
export function scanned(text: string): string {
  const { headCharacters, tailCharacters } = scanLimit;
  if (text.length <= headCharacters + tailCharacters) return text;
  return `${text.slice(0, headCharacters)}\n${text.slice(-tailCharacters)}`;
}
