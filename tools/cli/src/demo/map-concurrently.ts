/** Runs `act` over all items, at most `limit` at a time; the results are in the items' order. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  // One iterator for all workers: each takes the next item that nobody has.
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what bounds it
      results[index] = await act(item);
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}
