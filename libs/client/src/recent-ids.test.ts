import { expect, test } from "vitest";
import { RecentIds } from "./recent-ids.ts";

test("an id is new once", () => {
  const ids = new RecentIds();
  expect(["a", "b", "a", "b", "c"].map((id) => ids.isNew(id))).toEqual([
    ...[true, true, false, false, true],
  ]);
});

test("beyond the bound, only the oldest id is forgotten", () => {
  const ids = new RecentIds(2);
  for (const id of ["a", "b", "c"]) ids.isNew(id);
  expect(ids.isNew("b")).toBe(false);
  expect(ids.isNew("c")).toBe(false);
  expect(ids.isNew("a")).toBe(true);
});
