/*
 * `npm run bench:budgets`: how many cycles of a reservation and its settlement the budgets take, in the slices in which the
 * services make them, against as many calls of a script that does nothing. Needs a Redis in SLUICE_REDIS_URL. Compare
 * with the baseline of the same run: other work of the machine slows both, and costs both CPU.
 */
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Window } from "@sluice/domain";
import { connectRedis, redisScript, runScript, tenantTagOf } from "@sluice/redis";
import type { BoundedCandidate, ReservationRequest, Settlement } from "../src/budgets.ts";
import { RedisBudgets } from "../src/redis/redis-budgets.ts";
import { optionArguments, windowArguments } from "../src/redis/script-arguments.ts";

/** Both halves of a cycle, for a slice. The settlement follows the reservation, as a charge follows an attempt. */
interface Subject {
  readonly name: string;
  readonly reserve: (slice: readonly number[]) => Promise<void>;
  readonly settle: (slice: readonly number[]) => Promise<void>;
}

interface Figures {
  readonly perSecond: number;
  /** From the scheduled start of a cycle to the end of its settlement, in ms. */
  readonly p50: number;
  readonly p99: number;
  readonly serverMicros: number;
  readonly clientMicros: number;
}

/** The slices of the services have at most as many messages. */
const sliceMax = 256;
const users = 100;
const prefix = `benchmark-${randomUUID()}-`;
const tenant = "acme";
const hourMs = 3_600_000;
const window: Window = {
  ...{ budget: "", scope: "", opensAt: Date.now() - hourMs, closesAt: Date.now() + hourMs },
  ...{ limitNanoUsd: 2n ** 62n, hard: true, version: 0n },
};
/** Names the attempts of one measurement, as an attempt is reserved once. */
let generation = 0;

const { values: plan } = parseArgs({
  options: {
    rates: { type: "string", default: "2000,4000,8000" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
  },
});
const redis = connectRedis(process.env["SLUICE_REDIS_URL"]!, {
  name: "budgets-benchmark",
  commandTimeoutMs: 30_000,
});
await once(redis, "ready");
const budgets = new RedisBudgets(redis, prefix);
await budgets.restore(await budgets.begin(tenant), {
  ...{ tenant, epoch: 0, settled: new Map(), spent: [], open: [] },
});

const subjects = [budgetSubject(), idleSubject()];
for (const subject of subjects) await saturate(subject, 1_000);
process.stdout.write("subject   target/s  actual/s  P50 ms  P99 ms  Redis us  client us\n");
for (let round = 0; round < Number(plan.rounds); round += 1) {
  for (const rate of plan.rates.split(",").map(Number))
    for (const subject of subjects) print(subject, String(rate), await openLoop(subject, rate));
  for (const subject of subjects)
    print(subject, "most", await saturate(subject, Number(plan.seconds) * 1_000));
}
await removeKeys();
redis.disconnect();

/** Starts cycles on a fixed schedule, whether or not earlier ones have ended. */
async function openLoop(subject: Subject, perSecond: number): Promise<Figures> {
  const count = Math.round(perSecond * Number(plan.seconds));
  const latencies = new Float64Array(count);
  const reserved: number[] = [];
  return measured(count, latencies, async () => {
    const began = performance.now();
    const lateBy = (index: number) => performance.now() - began - (index * 1_000) / perSecond;
    const reserving = async () => {
      for (let next = 0; next < count;) {
        const due = Math.min(
          count,
          Math.floor(((performance.now() - began) * perSecond) / 1_000) + 1,
        );
        const slice = range(next, Math.min(due, next + sliceMax));
        if (slice.length === 0) await sleep(1);
        else await subject.reserve(slice);
        reserved.push(...slice);
        next += slice.length;
      }
    };
    const settling = async () => {
      for (let done = 0; done < count;) {
        const slice = reserved.splice(0, sliceMax);
        if (slice.length === 0) await sleep(1);
        else await subject.settle(slice);
        for (const index of slice) latencies[index] = lateBy(index);
        done += slice.length;
      }
    };
    await Promise.all([reserving(), settling()]);
  });
}

/** Makes as many cycles as the server and this process can, with one slice in each half. */
async function saturate(subject: Subject, forMs: number): Promise<Figures> {
  let cycles = 0;
  const ends = performance.now() + forMs;
  const figures = await measured(1, new Float64Array(1), async () => {
    let last: readonly number[] = [];
    while (performance.now() < ends) {
      const slice = range(cycles, cycles + sliceMax);
      await Promise.all([subject.reserve(slice), subject.settle(last)]);
      cycles += slice.length;
      last = slice;
      await nextTurn();
    }
    await subject.settle(last);
  });
  const { perSecond, serverMicros, clientMicros } = figures;
  return {
    ...{ p50: Number.NaN, p99: Number.NaN, perSecond: perSecond * cycles },
    ...{ serverMicros: serverMicros / cycles, clientMicros: clientMicros / cycles },
  };
}

async function measured(
  cycles: number,
  latencies: Float64Array,
  work: () => Promise<void>,
): Promise<Figures> {
  generation += 1;
  const server = await serverCpuMicros();
  const client = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(client);
  const spent = (await serverCpuMicros()) - server;
  const sorted = latencies.toSorted();
  const at = (share: number) => sorted[Math.max(1, Math.ceil(cycles * share)) - 1]!;
  return {
    perSecond: cycles / seconds,
    ...{ p50: at(0.5), p99: at(0.99) },
    serverMicros: spent / cycles,
    clientMicros: (user + system) / cycles,
  };
}

/** Reservations over four budgets, and their settlements. */
function budgetSubject(): Subject {
  let sequence = 0n;
  return {
    name: "budgets",
    reserve: async (slice) => {
      const replies = await budgets.reserve(slice.map(demandOf));
      if (replies.some(({ kind }) => kind !== "granted"))
        throw new Error("A reservation was not granted.");
    },
    settle: async (slice) => budgets.settle(slice.map((index) => settlementOf(index, ++sequence))),
  };
}

/** As many calls, with the same arguments, of a script that does nothing. */
function idleSubject(): Subject {
  const script = redisScript("return 1");
  const tag = tenantTagOf(prefix, tenant);
  const run = async (slice: readonly number[]) => {
    const now = Date.now();
    const calls = slice.map(demandOf).map(({ attemptId, options: [option] }) => {
      const { candidate, windows } = option!;
      const positions = [...windows.keys()];
      const named = [tag, attemptId, now, ...windowArguments(tenant, windows, now)];
      return {
        keys: [`${tag}:budgets`],
        args: [...named, ...optionArguments([{ ...candidate, positions }])],
      };
    });
    await runScript(redis, script, calls);
  };
  return { name: "baseline", reserve: run, settle: run };
}

function demandOf(index: number): ReservationRequest<BoundedCandidate> {
  const candidate = { variant: "sim-standard", worstCaseNanoUsd: 20_480_000n };
  const options = [{ candidate, windows: windowsOf(index) }];
  return { tenant, attemptId: attemptIdOf(index), deadlineAt: Date.now() + 120_000, options };
}

function settlementOf(index: number, sequence: bigint): Settlement {
  const attempt = { tenant, attemptId: attemptIdOf(index), windows: windowsOf(index) };
  return { ...attempt, amountNanoUsd: 1_234_567n, partition: 0, sequence, isNew: true };
}

/** A team's month, a user's day, the month of several teams, and a provider's day. */
function windowsOf(index: number): readonly Window[] {
  const user = `user=user-${index % users}`;
  return [
    { ...window, budget: "support.month" },
    { ...window, budget: "user.day", scope: user },
    { ...window, budget: "both.month" },
    { ...window, budget: "provider.day" },
  ];
}

function attemptIdOf(index: number): string {
  return createHash("sha256").update(`${generation} ${index}`).digest("hex");
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
}

/** Returns the CPU that the server has used, of all its threads. */
async function serverCpuMicros(): Promise<number> {
  const text = await redis.info("cpu");
  const secondsOf = (name: string) => Number(new RegExp(`^${name}:(.*)`, "m").exec(text)?.[1]);
  return (secondsOf("used_cpu_user") + secondsOf("used_cpu_sys")) * 1_000_000;
}

/** Keys of a tenant expire, and thousands of reservations that have ended do so within ten minutes. */
async function removeKeys(): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 }))
    if (keys.length > 0) await redis.unlink(...keys);
}

function print({ name }: Subject, target: string, figures: Figures): void {
  const { perSecond, p50, p99, serverMicros, clientMicros } = figures;
  const shown = (ms: number) => (Number.isNaN(ms) ? "-" : ms.toFixed(1));
  const cells = [perSecond.toFixed(0), shown(p50), shown(p99)];
  const cpu = [serverMicros.toFixed(1), clientMicros.toFixed(1)];
  const widths = [9, 10, 8, 8, 10, 11];
  const line = [target, ...cells, ...cpu].map((cell, at) => cell.padStart(widths[at]!)).join("");
  process.stdout.write(`${name.padEnd(9)}${line}\n`);
}
