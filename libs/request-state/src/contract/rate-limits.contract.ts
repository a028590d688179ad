import { describe, expect, test } from "vitest";
import { concurrencyRetryMs } from "../limits.ts";
import type { Outcomes } from "../ports.ts";
import type {
  AppliedLimit,
  CountedRequest,
  RateLimits,
  Taken,
} from "../rate-limits/rate-limits.ts";
import { admittedFixture, failedFixture } from "./records.fixture.ts";
import { refOfAdmitted } from "../request-ref.ts";

export interface RateLimitHarness {
  readonly limits: RateLimits;
  readonly outcomes: Outcomes;
  /** Lets time pass. */
  readonly wait: (ms: number) => Promise<void>;
}

const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };
let scopes = 0;

/** A limit that no other test uses. */
function limitOf(bounds: Partial<AppliedLimit>): AppliedLimit {
  return { ...none, scope: `scope ${scopes++} of ${Math.random()}`, ...bounds };
}

function requestWith(
  limits: readonly AppliedLimit[],
  changed: Partial<CountedRequest> = {},
): CountedRequest {
  const ref = refOfAdmitted(admittedFixture());
  return { ref, limits, tokens: 0, leaseMs: 10_000, entersFlight: false, ...changed };
}

function kindsOf(taken: readonly Taken[]): readonly string[] {
  return taken.map(({ kind }) => kind);
}

const granted = (count: number) => Array.from({ length: count }, () => "granted");

/** Every adapter of {@link RateLimits} passes these tests. */
export function rateLimitsContract(name: string, harnessOf: () => RateLimitHarness): void {
  describe(`rate limits ${name}`, () => {
    ratesContract(harnessOf);
    slotsContract(harnessOf);
  });
}

function ratesContract(harnessOf: () => RateLimitHarness): void {
  test("a minute's requests may arrive at once, and the next one is refused until one fits", async () => {
    const { limits, wait } = harnessOf();
    const limit = limitOf({ requestsPerMinute: 600 });
    const taken = await limits.take(Array.from({ length: 600 }, () => requestWith([limit])));
    expect(kindsOf(taken)).toEqual(granted(600));
    // A slow server forgets some of the 600 while it counts them, so this fills what is free again.
    let last: Taken | undefined;
    for (let count = 0; count < 600 && last?.kind !== "refused"; count += 1)
      [last] = await limits.take([requestWith([limit])]);
    if (last?.kind !== "refused") throw new Error("The limit refuses nothing.");
    expect(last.by).toMatchObject({ limit: 0, bound: "requests" });
    const { retryAfterMs } = last.by;
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(100);
    await wait(retryAfterMs!);
    expect(kindsOf(await limits.take([requestWith([limit])]))).toEqual(["granted"]);
  });

  test("a request reports what remains and when nothing is counted any more", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ requestsPerMinute: 60, tokensPerMinute: 6_000 });
    const [first] = await limits.take([requestWith([limit], { tokens: 600 })]);
    const [state] = first!.states;
    expect(state?.requests).toEqual({ remaining: 59, resetMs: 1_000 });
    expect(state?.tokens).toEqual({ remaining: 5_400, resetMs: 6_000 });
  });

  test("large numbers are counted exactly", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ tokensPerMinute: 1_000_000_000 });
    const [taken] = await limits.take([requestWith([limit], { tokens: 123_456_789 })]);
    expect(taken?.states[0]?.tokens?.remaining).toBe(876_543_211);
  });

  test("a request that one of its limits refuses is counted in none of them", async () => {
    const { limits } = harnessOf();
    const [wide, narrow] = [limitOf({ requestsPerMinute: 10 }), limitOf({ requestsPerMinute: 1 })];
    const taken = await limits.take([requestWith([wide, narrow]), requestWith([wide, narrow])]);
    expect(kindsOf(taken)).toEqual(["granted", "refused"]);
    expect(taken[1]).toMatchObject({ by: { limit: 1, bound: "requests" } });
    expect(taken[1]?.states[0]?.requests?.remaining).toBe(9);
  });

  test("the limit that makes a request wait for longest is the one that is reported", async () => {
    const { limits } = harnessOf();
    const [fast, slow] = [limitOf({ requestsPerMinute: 2 }), limitOf({ requestsPerMinute: 1 })];
    await limits.take([requestWith([fast]), requestWith([fast]), requestWith([slow])]);
    const [refused] = await limits.take([requestWith([fast, slow])]);
    expect(refused).toMatchObject({ kind: "refused", by: { limit: 1 } });
  });

  test("a request with more tokens than the limit is refused, and waiting does not help", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ tokensPerMinute: 1_000 });
    const [refused] = await limits.take([requestWith([limit], { tokens: 1_001 })]);
    expect(refused).toMatchObject({
      kind: "refused",
      by: { limit: 0, bound: "tokens", retryAfterMs: null },
    });
  });

  test("tokens are corrected by what an answer really had, upwards and downwards", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ tokensPerMinute: 1_000 });
    const { ref } = requestWith([]);
    await limits.take([requestWith([limit], { tokens: 1_000 })]);
    await limits.addTokens(ref.tenant, [limit], -900);
    const [second] = await limits.take([requestWith([limit], { tokens: 800 })]);
    expect(second?.kind).toBe("granted");
    await limits.addTokens(ref.tenant, [limit, limitOf({ requestsPerMinute: 1 })], 5_000);
    const [third] = await limits.take([requestWith([limit])]);
    expect(third).toMatchObject({ kind: "refused", by: { bound: "tokens" } });
  });

  test("limits of two tenants with one name are counted apart", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ requestsPerMinute: 1 });
    const other = { tenant: "contract-neighbour", requestId: "r-1" };
    await limits.take([requestWith([limit])]);
    const [taken] = await limits.take([requestWith([limit], { ref: other })]);
    expect(taken?.kind).toBe("granted");
  });

  test("a request without limits is granted", async () => {
    const { limits } = harnessOf();
    expect(await limits.take([requestWith([])])).toEqual([{ kind: "granted", states: [] }]);
    expect(await limits.take([])).toEqual([]);
  });
}

function slotsContract(harnessOf: () => RateLimitHarness): void {
  test("as many requests run as the concurrency allows, until one of them is released", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ concurrency: 2 });
    const [first, second, third] = [1, 2, 3].map(() => requestWith([limit]));
    expect(kindsOf(await limits.take([first!, second!, third!]))).toEqual([
      ...granted(2),
      "refused",
    ]);
    const [refused] = await limits.take([third!]);
    expect(refused).toMatchObject({
      by: { limit: 0, bound: "concurrency", retryAfterMs: concurrencyRetryMs },
    });
    await limits.release(first!.ref);
    expect(kindsOf(await limits.take([third!]))).toEqual(["granted"]);
  });

  test("the outcome of a request ends its slots", async () => {
    const { limits, outcomes } = harnessOf();
    const limit = limitOf({ concurrency: 1 });
    const admitted = admittedFixture();
    const running = requestWith([limit], { ref: refOfAdmitted(admitted), entersFlight: true });
    await limits.take([running]);
    const [before] = await limits.inFlight([running.ref.tenant]);
    expect(kindsOf(await limits.take([requestWith([limit])]))).toEqual(["refused"]);
    await outcomes.claim([failedFixture(admitted)], "decision");
    expect(kindsOf(await limits.take([requestWith([limit])]))).toEqual(["granted"]);
    expect(await limits.inFlight([running.ref.tenant])).toEqual([before! - 1]);
  });

  test("a slot ends with its lease, so that a process that crashed does not hold it for long", async () => {
    const { limits, wait } = harnessOf();
    const limit = limitOf({ concurrency: 2 });
    await limits.take([requestWith([limit]), requestWith([limit], { leaseMs: 40 })]);
    expect(kindsOf(await limits.take([requestWith([limit])]))).toEqual(["refused"]);
    await wait(60);
    expect(kindsOf(await limits.take([requestWith([limit])]))).toEqual(["granted"]);
  });

  test("a request that holds a slot is granted again and counted once", async () => {
    const { limits } = harnessOf();
    const limit = limitOf({ requestsPerMinute: 1, concurrency: 1 });
    const request = requestWith([limit]);
    expect(kindsOf(await limits.take([request]))).toEqual(["granted"]);
    expect(kindsOf(await limits.take([request]))).toEqual(["granted"]);
    const inFlight = requestWith([limitOf({ requestsPerMinute: 1 })], { entersFlight: true });
    expect(kindsOf(await limits.take([inFlight, inFlight]))).toEqual(granted(2));
  });

  test("the work in flight of each tenant is counted", async () => {
    const { limits } = harnessOf();
    const refs = ["contract-a", "contract-b", "contract-b"].map((tenant, index) => ({
      ...{ tenant, requestId: `${index} of ${Math.random()}` },
    }));
    const before = await limits.inFlight(["contract-a", "contract-b"]);
    await limits.take(refs.map((ref) => requestWith([], { ref, entersFlight: true })));
    const after = await limits.inFlight(["contract-a", "contract-b"]);
    expect(after.map((count, index) => count - before[index]!)).toEqual([1, 2]);
    await Promise.all(refs.map((ref) => limits.release(ref)));
    expect(await limits.inFlight(["contract-a", "contract-b"])).toEqual(before);
  });
}
