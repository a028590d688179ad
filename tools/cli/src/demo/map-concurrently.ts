/** Runs `act` for all items, at most `limit` at a time. Returns the results in the order of the items. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  // All workers share one iterator, so each takes the next item that no other worker has taken.
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) {
      // oxlint-disable-next-line no-await-in-loop -- one item per worker at a time bounds the concurrency
      results[index] = await act(item);
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}
