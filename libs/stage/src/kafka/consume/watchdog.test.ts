import { describe, expect, it } from "vitest";
import { type Vital, verdictOf } from "./watchdog.ts";

const limits = { noFetchMs: 1_500, joiningMs: 60_000, noProgressMs: 120_000 };
const healthy: Vital = {
  now: 1_000_000,
  lastFetchAt: 999_900,
  lastProgressAt: 999_900,
  working: false,
  unassignedSince: undefined,
  brokerAnswers: true,
  lag: 0,
  waiting: false,
};

describe("watchdog", () => {
  it("does not end a consumer that fetches", () => {
    expect(verdictOf(healthy, limits)).toBe("alive");
  });

  it("ends a consumer that stopped fetching while the broker answers", () => {
    expect(verdictOf({ ...healthy, lastFetchAt: 998_000 }, limits)).toBe("STAGE_CONSUMER_SILENT");
  });

  it("waits for an unavailable broker", () => {
    const away = { ...healthy, lastFetchAt: 0, lastProgressAt: 0, lag: 5, brokerAnswers: false };
    expect(verdictOf(away, limits)).toBe("alive");
  });

  it("does not expect fetches while a slice is processed", () => {
    expect(verdictOf({ ...healthy, lastFetchAt: 900_000, working: true }, limits)).toBe("alive");
  });

  it("allows a rebalance a longer time", () => {
    const joining = { ...healthy, lastFetchAt: 970_000, unassignedSince: 970_000 };
    expect(verdictOf(joining, limits)).toBe("alive");
  });

  it("ends a consumer that has no assignment for longer than a join takes, although it fetches", () => {
    const lost = { ...healthy, unassignedSince: 900_000 };
    expect(verdictOf(lost, limits)).toBe("STAGE_CONSUMER_UNASSIGNED");
    expect(verdictOf({ ...lost, working: true }, limits)).toBe("STAGE_CONSUMER_UNASSIGNED");
    expect(verdictOf({ ...lost, brokerAnswers: false }, limits)).toBe("alive");
  });

  it("ends a consumer that lags and makes no progress", () => {
    const stuck = { ...healthy, lastProgressAt: 800_000, lag: 1 };
    expect(verdictOf(stuck, limits)).toBe("STAGE_CONSUMER_STUCK");
    expect(verdictOf({ ...stuck, lag: 0 }, limits)).toBe("alive");
  });

  it("does not mistake waiting for an outage for being stuck", () => {
    const waiting = { ...healthy, lastProgressAt: 0, lag: 1, waiting: true };
    expect(verdictOf(waiting, limits)).toBe("alive");
  });
});
