import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { IngressMetrics } from "../../metrics.ts";
import type { ApiError } from "../api-error.ts";
import { ArrivalQueue, sliceMs, waitingMax } from "./arrival-queue.ts";

/** A single core with an event loop. Work takes the time that it spends. */
class Core {
  now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  #afterReading: (() => void)[] = [];

  after(ms: number, run: () => void): void {
    this.#timers.push({ at: this.now + ms, run });
  }

  afterReading(run: () => void): void {
    this.#afterReading.push(run);
  }

  spend(ms: number): void {
    this.now += ms;
  }

  /** One turn: timers, then what has arrived, then what was left for the end. */
  turn(read: () => void): void {
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
    read();
    const last = this.#afterReading;
    this.#afterReading = [];
    for (const run of last) run();
    this.spend(0.01);
  }
}

function aQueue() {
  const core = new Core();
  const metrics = new IngressMetrics(new Registry());
  const queue = new ArrivalQueue(metrics, {
    now: () => core.now,
    after: (ms, run) => core.after(ms, run),
    afterReading: (run) => core.afterReading(run),
  });
  const decisions = async () => (await metrics.decisions.get()).values;
  return { core, queue, decisions };
}

const refusalMs = 0.05;

/** Serves requests that arrive at a rate for ten seconds. */
function serve({ perSecond, serviceMs }: { perSecond: number; serviceMs: number }) {
  const { core, queue } = aQueue();
  const delaysMs: number[] = [];
  const refusedAfterMs: number[] = [];
  let next = 0;
  const arriveAll = () => {
    const arrivedUntil = core.now;
    for (; (next * 1_000) / perSecond <= arrivedUntil; next += 1) {
      const at = (next * 1_000) / perSecond;
      queue.arrive({
        isGone: () => false,
        hasKey: () => true,
        begin: () => {
          core.spend(serviceMs);
          delaysMs.push(core.now - at);
        },
        refuse: () => {
          core.spend(refusalMs);
          refusedAfterMs.push(core.now - at);
        },
      });
    }
  };
  while (core.now < 10_000) core.turn(arriveAll);
  return { share: delaysMs.length / next, p95Ms: p95(delaysMs), refusedP95Ms: p95(refusedAfterMs) };
}

function p95(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(0.95 * values.length)] ?? 0;
}

/** Serves clients of which each sends its next request when it has its answer. Returns how many were refused. */
function serveInTurns(clients: number, serviceMs: number): number {
  const { core, queue } = aQueue();
  let ready = clients;
  let refused = 0;
  const arrival = {
    isGone: () => false,
    hasKey: () => true,
    begin: () => {
      core.spend(serviceMs);
      ready += 1;
    },
    refuse: () => {
      refused += 1;
      ready += 1;
    },
  };
  for (let round = 0; round < 1_000; round += 1) {
    core.turn(() => {
      const now = ready;
      ready = 0;
      for (let client = 0; client < now; client += 1) queue.arrive(arrival);
    });
  }
  return refused;
}

test("below capacity no request is refused", () => {
  expect(serve({ perSecond: 1_500, serviceMs: 0.5 })).toMatchObject({ share: 1 });
});

test("beyond capacity most of it is used, accepted requests wait briefly, and the others are refused at once", () => {
  const { share, p95Ms, refusedP95Ms } = serve({ perSecond: 6_000, serviceMs: 0.5 });
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.34);
  expect(p95Ms).toBeLessThan((waitingMax + 4) * 0.5 + 10);
  expect(refusedP95Ms).toBeLessThan(10);
});

test("a few clients that send one request after the other are never refused, however slow each is", () => {
  expect(serveInTurns(24, 10)).toBe(0);
  expect(serveInTurns(200, 10)).toBeGreaterThan(0);
});

test("a turn begins requests for two slices at most, and the others in later turns, in order", () => {
  const { core, queue } = aQueue();
  const begun: number[] = [];
  core.turn(() => {
    for (let id = 0; id < 20; id += 1) {
      const begin = () => {
        core.spend(sliceMs / 2);
        begun.push(id);
      };
      queue.arrive({
        isGone: () => false,
        hasKey: () => true,
        begin,
        refuse: () => begun.push(-1),
      });
    }
  });
  expect(begun).toEqual([0, 1, 2, 3]);
  for (let turn = 0; turn < 10; turn += 1) core.turn(() => undefined);
  expect(begun).toEqual(Array.from({ length: 20 }, (_, id) => id));
});

test("a client that left while it waited is counted and costs nothing else", async () => {
  const { core, queue, decisions } = aQueue();
  let hasLeft = false;
  const begin = () => {
    core.spend(2 * sliceMs);
    if (hasLeft) throw new Error("It began a request whose client has left.");
  };
  core.turn(() => {
    queue.arrive({ isGone: () => false, hasKey: () => true, begin, refuse: begin });
    queue.arrive({ isGone: () => hasLeft, hasKey: () => true, begin, refuse: begin });
    hasLeft = true;
  });
  core.turn(() => undefined);
  const labels = { decision: "refuse", reason: "client_closed" };
  expect(await decisions()).toMatchObject([{ labels, value: 1 }]);
});

test("a request without a key never waits, and takes no place from the others", async () => {
  const { core, queue, decisions } = aQueue();
  const codes: string[] = [];
  const stranger = {
    isGone: () => false,
    hasKey: () => false,
    begin: () => codes.push("begun"),
    refuse: ({ code }: ApiError) => codes.push(code),
  };
  let begun = 0;
  const begin = () => {
    core.spend(2 * sliceMs);
    begun += 1;
  };
  const known = { ...stranger, hasKey: () => true, begin };
  core.turn(() => {
    for (const arrival of [known, stranger, stranger, known]) queue.arrive(arrival);
    expect(codes).toEqual(["invalid_api_key", "invalid_api_key"]);
  });
  expect(begun).toBe(2);
  const labels = { decision: "refuse", reason: "invalid_api_key" };
  expect(await decisions()).toMatchObject([{ labels, value: 2 }]);
});
