import type { EpochMillis } from "../clock.ts";

/** `total` and `run` have no end; a budget of a run counts each run on its own. */
export const budgetPeriods = ["day", "week", "month", "total", "run"] as const;

export type BudgetPeriod = (typeof budgetPeriods)[number];

/** When a period begins and ends. The end is the beginning of the next one, so that no time is in two periods or none. */
export interface PeriodBounds {
  readonly opensAt: EpochMillis | null;
  readonly closesAt: EpochMillis | null;
}

const endless: PeriodBounds = { opensAt: null, closesAt: null };

/** Found bounds, by period and time zone. Most requests of a tenant are in the same period. */
const known = new Map<string, PeriodBounds>();
const knownMax = 10_000;

/**
 * Returns the period that contains a time. Days begin at the first instant of the date in the time zone, which daylight
 * saving may move away from midnight, and last 23 to 25 hours. Weeks begin on Monday (ISO 8601).
 *
 * @param timeZone a name of the IANA database
 */
export function periodAt(period: BudgetPeriod, timeZone: string, now: EpochMillis): PeriodBounds {
  if (period === "total" || period === "run") return endless;
  const key = `${period} ${timeZone}`;
  const last = known.get(key);
  if (last && now >= last.opensAt! && now < last.closesAt!) return last;
  const found = boundsAt(period, timeZone, now);
  if (known.size >= knownMax) known.clear();
  known.set(key, found);
  return found;
}

/** Whether the name is a time zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  // An offset such as +02:00 is accepted by some runtimes, and has no daylight saving.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function boundsAt(
  period: "day" | "week" | "month",
  timeZone: string,
  now: EpochMillis,
): PeriodBounds {
  const today = dateAt(timeZone, now);
  const first = firstDayOf(period, today);
  return {
    opensAt: startOf(timeZone, first),
    closesAt: startOf(timeZone, firstDayOfNext(period, first)),
  };
}

/** A date of the calendar, as the UTC midnight of the same date. Calendar arithmetic in UTC has no daylight saving. */
type CalendarDay = EpochMillis;

const dayMs = 24 * 60 * 60 * 1_000;

function firstDayOf(period: "day" | "week" | "month", day: CalendarDay): CalendarDay {
  const date = new Date(day);
  if (period === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  if (period === "day") return day;
  const sinceMonday = (date.getUTCDay() + 6) % 7;
  return day - sinceMonday * dayMs;
}

function firstDayOfNext(period: "day" | "week" | "month", first: CalendarDay): CalendarDay {
  if (period === "day") return first + dayMs;
  if (period === "week") return first + 7 * dayMs;
  const date = new Date(first);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/**
 * Returns the first instant of a date in a time zone. The offset can change on that date or on the one before, so the
 * instant is searched within a day and a half around midnight UTC: the date of an instant never decreases.
 */
function startOf(timeZone: string, day: CalendarDay): EpochMillis {
  let before = day - 1.5 * dayMs;
  let atOrAfter = day + 1.5 * dayMs;
  while (atOrAfter - before > 1) {
    const middle = Math.floor((before + atOrAfter) / 2);
    if (dateAt(timeZone, middle) >= day) atOrAfter = middle;
    else before = middle;
  }
  return atOrAfter;
}

function dateAt(timeZone: string, at: EpochMillis): CalendarDay {
  const parts = formatOf(timeZone).formatToParts(at);
  const numberOf = (type: "year" | "month" | "day") =>
    Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(numberOf("year"), numberOf("month") - 1, numberOf("day"));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const made = formats.get(timeZone);
  if (made) return made;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    year: "numeric",
    month: "numeric",
    day: "numeric",
  });
  if (formats.size >= 1_000) formats.clear();
  formats.set(timeZone, format);
  return format;
}
