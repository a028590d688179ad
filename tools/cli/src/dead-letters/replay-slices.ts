import type { Letter } from "./letter.ts";

export interface ReplaySlice {
  readonly topic: string;
  readonly letters: readonly Letter[];
}

/** What is held in memory at once, with its bytes; a larger message goes alone. */
const defaults = { countMax: 1_000, bytesMax: 32 * 1024 * 1024 };

/** In the order of each partition, topic by topic, so many at a time as memory is to hold. Pure. */
export function slicesOf(
  letters: readonly Letter[],
  { countMax, bytesMax } = defaults,
): readonly ReplaySlice[] {
  const slices: { readonly topic: string; readonly letters: Letter[]; bytes: number }[] = [];
  for (const letter of letters.toSorted(byPlace)) {
    const bytes = (letter.keyBytes ?? 0) + (letter.valueBytes ?? 0);
    const open = slices.at(-1);
    const fits =
      open?.topic === letter.topic &&
      open.letters.length < countMax &&
      open.bytes + bytes <= bytesMax;
    if (fits) {
      open.letters.push(letter);
      open.bytes += bytes;
    } else slices.push({ topic: letter.topic, letters: [letter], bytes });
  }
  return slices.map(({ topic, letters: held }) => ({ topic, letters: held }));
}

function byPlace(a: Letter, b: Letter): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition || Number(a.offset - b.offset);
}
