import { defaultRequirements } from "@sluice/contracts";
import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { bodyHashOf } from "../request/request-record.ts";
import { admittedRecordOf, deadlineOf } from "./candidate.ts";

const now = 1_800_000_000_000;
const hourMs = 60 * 60_000;

test("a request without a deadline gets the default of its origin, and no deadline is later than 48 hours", () => {
  expect(deadlineOf(null, "http", now)).toBe(now + 120_000);
  expect(deadlineOf(null, "kafka", now)).toBe(now + 600_000);
  expect(deadlineOf(now + hourMs, "http", now)).toBe(now + hourMs);
  expect(deadlineOf(now + 49 * hourMs, "kafka", now)).toBe(now + 48 * hourMs);
});

test("a record that may be admitted has the key's attribution, the time of arrival and the hash of its body", () => {
  const attribution = {
    tenant: "acme",
    team: "t",
    feature: "f",
    user: "u",
    key: "k1",
    signature: "",
  };
  const arrival = { origin: "http", reply: "live", remembered: true, correlationId: null } as const;
  const request = aRequest({ requirements: { ...defaultRequirements, deadlineAt: now + hourMs } });
  expect(admittedRecordOf(request, attribution, arrival, now)).toEqual({
    ...{ request, attribution, ...arrival },
    ...{ admittedAt: now, deadlineAt: now + hourMs, bodyHash: bodyHashOf("acme", request) },
    ...{ lookup: null, decisions: [] },
  });
});
