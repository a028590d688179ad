import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapConcurrently } from "./map-concurrently.ts";

test("at most the given number of items run at once, and results keep the order of the items", async () => {
  let underWay = 0;
  let most = 0;
  const results = await mapConcurrently([30, 1, 20, 1, 10], 2, async (delayMs) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await sleep(delayMs);
    underWay -= 1;
    return delayMs;
  });
  expect(results).toEqual([30, 1, 20, 1, 10]);
  expect(most).toBe(2);
});
