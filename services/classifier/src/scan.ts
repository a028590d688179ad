/** Characters that are read of one text: so many from its beginning, and from its end. */
export const scanLimit = { headCharacters: 12_288, tailCharacters: 4_096 };

/**
 * The part of a text that is read. What is asked stands at the beginning or the end of a
 * prompt, pasted material between them; this bounds the time a prompt can take.
 */
export function scanned(text: string): string {
  const { headCharacters, tailCharacters } = scanLimit;
  if (text.length <= headCharacters + tailCharacters) return text;
  return `${text.slice(0, headCharacters)}\n${text.slice(-tailCharacters)}`;
}
