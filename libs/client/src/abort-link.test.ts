import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { AbortLink } from "./abort-link.ts";

test("the first signal that aborts ends the link with its reason", () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const { signal } = new AbortLink([one.signal, other.signal]);
  other.abort("second");
  one.abort("first");
  expect(signal.reason).toBe("second");
  expect(new AbortLink([one.signal]).signal.reason).toBe("first");
});

test("a released link leaves no listener on a signal that lives longer", () => {
  const long = new AbortController();
  const link = new AbortLink([long.signal]);
  expect(getEventListeners(long.signal, "abort")).toHaveLength(1);
  link.release();
  expect(getEventListeners(long.signal, "abort")).toHaveLength(0);
  long.abort();
  expect(link.signal.aborted).toBe(false);
});
