import { describe, expect, it } from "vitest";
import { none } from "./merge-ranks.ts";
import { RankLists, RankQueue } from "./rank-queue.ts";

const ranks = 10;

function queueOf(pairs: readonly (readonly [place: number, rank: number])[]) {
  const lists = new RankLists(ranks);
  const queue = new RankQueue(100, lists);
  for (const [place, rank] of pairs) queue.set(place, rank);
  const takeAll = (): readonly number[] => {
    const taken: number[] = [];
    for (let place = queue.take(); place !== none; place = queue.take()) taken.push(place);
    return taken;
  };
  return { lists, queue, takeAll };
}

describe("the pairs of a piece", () => {
  it("are taken by rank, and by place if the rank is the same, however they were noted", () => {
    const { takeAll } = queueOf([
      [7, 3],
      [20, 1],
      [5, 3],
      [90, 0],
      [6, 3],
      [1, 9],
    ]);
    expect(takeAll()).toEqual([90, 20, 5, 6, 7, 1]);
  });

  it("are taken with the rank that was noted last, or not at all without one", () => {
    const { queue, takeAll } = queueOf([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    queue.set(1, 4);
    queue.set(2, none);
    expect(takeAll()).toEqual([3, 1]);
  });

  it("may have a lower rank than one that was taken", () => {
    const { queue, takeAll } = queueOf([
      [1, 5],
      [2, 5],
    ]);
    expect(queue.take()).toBe(1);
    queue.set(8, 0);
    expect(takeAll()).toEqual([8, 2]);
  });

  it("leave nothing in the lists, so that another piece can use them", () => {
    const { lists, takeAll } = queueOf([
      [9, 3],
      [5, 3],
      [7, 3],
      [1, 2],
    ]);
    takeAll();
    expect(lists).toEqual(new RankLists(ranks));
  });
});
