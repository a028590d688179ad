import { expect, test } from "vitest";
import { SendingTenants, shedIn } from "./work-in-flight.ts";

function inFlight(byTenant: Readonly<Record<string, number>>, max = 10) {
  const weights: Readonly<Record<string, number>> = { heavy: 4 };
  const weightOf = (tenant: string) => weights[tenant] ?? 1;
  return { max, byTenant: new Map(Object.entries(byTenant)), weightOf };
}

test("a tenant that is alone fills everything, and what is beyond is shed", () => {
  const slice = ["a", "a", "a"];
  expect(shedIn(slice, inFlight({ a: 8 }))).toEqual([false, false, true]);
});

test("a tenant below its share is not shed while another one has a backlog", () => {
  const slice = ["a", "b", "a", "b"];
  expect(shedIn(slice, inFlight({ a: 10 }))).toEqual([true, false, true, false]);
  expect(shedIn(slice, inFlight({ a: 10, b: 4 }))).toEqual([true, false, true, true]);
});

test("the share of a tenant grows with its weight", () => {
  const slice = ["heavy", "a"];
  expect(shedIn(slice, inFlight({ a: 10, heavy: 7 }))).toEqual([false, true]);
  expect(shedIn(slice, inFlight({ a: 1, heavy: 9 }))).toEqual([true, false]);
});

test("a tenant counts as a sender for a minute after its last request", () => {
  const tenants = new SendingTenants();
  expect(tenants.seen(["a"], 0)).toEqual(["a"]);
  expect(tenants.seen(["b"], 60_000)).toEqual(["a", "b"]);
  expect(tenants.seen([], 60_001)).toEqual(["b"]);
});
