import type { Clock } from "@sluice/domain";
import { beforeEach } from "vitest";
import { rateLimitsContract, type RateLimitHarness } from "../contract/rate-limits.contract.ts";
import { InMemoryOutcomes } from "../in-memory/in-memory-outcomes.ts";
import { InMemoryRequests } from "../in-memory/in-memory-requests.ts";
import { InMemoryRateLimits } from "./in-memory-rate-limits.ts";

let harness: RateLimitHarness;
beforeEach(() => {
  let now = 1_800_000_000_000;
  const clock: Clock = { now: () => now };
  const requests = new InMemoryRequests(clock);
  harness = {
    limits: new InMemoryRateLimits(requests),
    outcomes: new InMemoryOutcomes(requests),
    wait: async (ms) => void (now += ms),
  };
});

rateLimitsContract("in memory", () => harness);
