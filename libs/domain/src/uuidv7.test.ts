import { expect, test } from "vitest";
import { uuidv7 } from "./uuidv7.ts";

test("an id is a UUID of version 7 whose first 48 bits are the time", () => {
  const id = uuidv7(1_800_000_000_000);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(1_800_000_000_000);
});

test("ids of the same moment differ, and later ids sort after earlier ones", () => {
  expect(uuidv7(1)).not.toBe(uuidv7(1));
  expect(uuidv7(1) < uuidv7(2)).toBe(true);
});
