import type { DeadLetter } from "./dead-letter.ts";

export interface ReplaySlice {
  readonly topic: string;
  readonly deadLetters: readonly DeadLetter[];
}

/** The limits of a slice, which bound the bytes in memory. A message above `bytesMax` is sent alone. */
const defaults = { countMax: 1_000, bytesMax: 32 * 1024 * 1024 };

/** Divides dead letters into slices of one topic within the limits, in the order of each partition. Pure. */
export function slicesOf(
  deadLetters: readonly DeadLetter[],
  { countMax, bytesMax } = defaults,
): readonly ReplaySlice[] {
  const slices: { readonly topic: string; readonly deadLetters: DeadLetter[]; bytes: number }[] =
    [];
  for (const deadLetter of deadLetters.toSorted(byPosition)) {
    const bytes = (deadLetter.keyBytes ?? 0) + (deadLetter.valueBytes ?? 0);
    const open = slices.at(-1);
    const fits =
      open?.topic === deadLetter.topic &&
      open.deadLetters.length < countMax &&
      open.bytes + bytes <= bytesMax;
    if (fits) {
      open.deadLetters.push(deadLetter);
      open.bytes += bytes;
    } else slices.push({ topic: deadLetter.topic, deadLetters: [deadLetter], bytes });
  }
  return slices.map(({ topic, deadLetters: held }) => ({ topic, deadLetters: held }));
}

function byPosition(a: DeadLetter, b: DeadLetter): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition || Number(a.offset - b.offset);
}
