import fc from "fast-check";
import { expect, test } from "vitest";
import { isTimeZone, periodAt } from "./budget-period.ts";

const at = (text: string) => Date.parse(text);
const bounds = (period: "day" | "week" | "month", zone: string, text: string) => {
  const { opensAt, closesAt } = periodAt(period, zone, at(text));
  return [new Date(opensAt!).toISOString(), new Date(closesAt!).toISOString()];
};

test("a day, a week from Monday and a month begin at midnight of the time zone", () => {
  const now = "2026-11-27T23:30:00Z";
  expect(bounds("day", "UTC", now)).toEqual([
    "2026-11-27T00:00:00.000Z",
    "2026-11-28T00:00:00.000Z",
  ]);
  expect(bounds("day", "Europe/Berlin", now)).toEqual([
    "2026-11-27T23:00:00.000Z",
    "2026-11-28T23:00:00.000Z",
  ]);
  expect(bounds("week", "UTC", now)).toEqual([
    "2026-11-23T00:00:00.000Z",
    "2026-11-30T00:00:00.000Z",
  ]);
  expect(bounds("month", "America/New_York", "2026-12-01T03:00:00Z")).toEqual([
    "2026-11-01T04:00:00.000Z",
    "2026-12-01T05:00:00.000Z",
  ]);
});

test("the instant at which a window ends is in the next one, and the one before is in this one", () => {
  const { closesAt } = periodAt("month", "Europe/Berlin", at("2026-02-10T00:00:00Z"));
  expect(periodAt("month", "Europe/Berlin", closesAt!).opensAt).toBe(closesAt);
  expect(periodAt("month", "Europe/Berlin", closesAt! - 1).closesAt).toBe(closesAt);
});

test("a day has 23 hours when daylight saving begins, and 25 when it ends", () => {
  const hours = (zone: string, text: string) => {
    const { opensAt, closesAt } = periodAt("day", zone, at(text));
    return (closesAt! - opensAt!) / 3_600_000;
  };
  expect(hours("Europe/Berlin", "2026-03-29T12:00:00Z")).toBe(23);
  expect(hours("Europe/Berlin", "2026-10-25T12:00:00Z")).toBe(25);
  expect(hours("Australia/Lord_Howe", "2026-10-04T00:00:00Z")).toBe(23.5);
});

test("a day that has no midnight begins at its first instant", () => {
  // Clocks go from 24:00 of 23 April to 01:00 in Cairo.
  expect(bounds("day", "Africa/Cairo", "2026-04-24T10:00:00Z")[0]).toBe("2026-04-23T22:00:00.000Z");
  expect(bounds("day", "Africa/Cairo", "2026-04-23T10:00:00Z")[1]).toBe("2026-04-23T22:00:00.000Z");
});

test("a date that the time zone skipped has no window of its own", () => {
  // Samoa had no 30 December 2011, as it moved across the date line.
  const before = periodAt("day", "Pacific/Apia", at("2011-12-29T20:00:00Z"));
  expect(periodAt("day", "Pacific/Apia", before.closesAt!).opensAt).toBe(before.closesAt);
  expect(new Date(before.closesAt!).toISOString()).toBe("2011-12-30T10:00:00.000Z");
});

test("total and run have no end", () => {
  expect(periodAt("total", "UTC", 1)).toEqual({ opensAt: null, closesAt: null });
  expect(periodAt("run", "UTC", 1)).toEqual({ opensAt: null, closesAt: null });
});

test("each instant is in exactly one window of each period, in every time zone", () => {
  const zones = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
  const instants = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2040, 0, 1) });
  fc.assert(
    fc.property(zones, instants, fc.constantFrom("day", "week", "month"), (zone, now, period) => {
      const { opensAt, closesAt } = periodAt(period, zone, now);
      expect(opensAt! <= now && now < closesAt!).toBe(true);
      expect(periodAt(period, zone, opensAt!)).toEqual({ opensAt, closesAt });
      expect(periodAt(period, zone, closesAt! - 1)).toEqual({ opensAt, closesAt });
      expect(periodAt(period, zone, closesAt!).opensAt).toBe(closesAt);
      expect(periodAt(period, zone, opensAt! - 1).closesAt).toBe(opensAt);
    }),
    { numRuns: 2_000 },
  );
});

test("a name is a time zone if the database has it, and an offset is not", () => {
  expect(["Europe/Berlin", "UTC", "Mars/Olympus", "+02:00", ""].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
