import { setTimeout as sleep } from "node:timers/promises";
import { bareAnswerOf, type BareAnswer } from "../load/bare-server.ts";
import { Child } from "../child.ts";
import { type HostedPipeline, startUpSecondsOf } from "./hosted-pipeline.ts";
import { type Load, type LoadResult, placeholder, requestText } from "../load/load.ts";
import { percentilesOf } from "./percentiles.ts";
import { snapshotOf } from "./processes.ts";
import { type Schedule, scheduleOf } from "../load/schedule.ts";
import type { Kind, StepResult } from "./step.ts";

export const providerLatencyMs = 60;
/** The most connections at once, if a plan does not state it. */
export const connectionsMaxPreset = 2_000;
const graceMs = 10_000;
/** How long the CPU is measured after the last answer, because metering and charging follow an answer. */
const settleMs = 1_500;
/** With fewer requests, the work of the JIT compilers would be measured too. */
const warmUpMisses = { perSecond: 100, seconds: 12 };
const warmUpHits = { perSecond: 3_000, seconds: 6 };

/** One pipeline under measurement, with the stack it runs on. */
export class MeasuredPipeline {
  readonly startUpSeconds: Readonly<Record<string, number>>;
  private readonly host: Child;
  private readonly hosted: HostedPipeline;
  private readonly generator: Child;
  private requestsSent = 0;

  private constructor(host: Child, hosted: HostedPipeline, generator: Child) {
    this.host = host;
    this.hosted = hosted;
    this.generator = generator;
    this.startUpSeconds = startUpSecondsOf(hosted.log);
  }

  /**
   * Starts the pipeline and its stack, and warms it up.
   *
   * @param tree a built working tree
   * @param environment variables that its services receive in addition
   * @param declarations text of its sluice.yaml; that of the local stack if empty
   */
  static async start(
    tree: string,
    generator: Child,
    environment: Readonly<Record<string, string>> = {},
    declarations = "",
  ): Promise<MeasuredPipeline> {
    const services = JSON.stringify({ SLUICE_LOG_LEVEL: "warn", ...environment });
    const host = new Child("measure/pipeline-host-main.ts", [tree, services, declarations]);
    const pipeline = new MeasuredPipeline(host, await host.receive<HostedPipeline>(), generator);
    try {
      await pipeline.prepare();
      return pipeline;
    } catch (error) {
      await pipeline.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.host.stop();
  }

  /**
   * Returns resident memory in MiB now, by process. Pages that PostgreSQL's processes share count for each of
   * them.
   */
  residentMiB(): Readonly<Record<string, number>> {
    return snapshotOf(this.hosted.pids).residentMiB;
  }

  /** Returns the CPU without any request, in ms per second, by process. */
  async idleCpu(seconds: number): Promise<Readonly<Record<string, number>>> {
    const before = snapshotOf(this.hosted.pids);
    await sleep(seconds * 1000);
    return perUnit(before.cpuMs, snapshotOf(this.hosted.pids).cpuMs, seconds);
  }

  /** Measures one step. The sample is the last successful answer. */
  async measure(
    kind: Kind,
    schedule: Schedule,
    socketsMax: number = connectionsMaxPreset,
  ): Promise<{ step: StepResult; sample: Sample }> {
    const callsBefore = await this.providerCalls();
    const { step, sample } = await this.measured(
      ...([kind, schedule, this.hosted.pids, settleMs] as const),
      (load) => this.generate({ ...load, socketsMax, request: this.requestOf(kind) }),
    );
    const providerCalls = (await this.providerCalls()) - callsBefore;
    return { step: { ...step, providerCalls }, sample };
  }

  /** Measures the same requests at the same rate against the bare server, which only answers. */
  async measureBare(
    kind: Kind,
    schedule: Schedule,
    bare: { readonly child: Child; readonly port: number },
    sample: NonNullable<Sample>,
    socketsMax: number,
  ): Promise<StepResult> {
    const answer: BareAnswer = bareAnswerOf(sample, kind === "miss" ? providerLatencyMs : 0);
    await bare.child.request(answer);
    const pids = { bare: bare.child.pid };
    const { step } = await this.measured(kind, schedule, pids, 0, (load) =>
      this.generate({ ...load, socketsMax, port: bare.port, request: this.requestOf(kind) }),
    );
    return step;
  }

  private async measured(
    kind: Kind,
    schedule: Schedule,
    pids: Readonly<Record<string, number>>,
    settledAfterMs: number,
    run: (load: Omit<Load, "request" | "socketsMax">) => Promise<LoadResult>,
  ): Promise<{ step: StepResult; sample: Sample }> {
    const known = { ...pids, generator: this.generator.pid, bench: process.pid };
    const before = snapshotOf(known);
    const startedAt = performance.now();
    const port = Number(new URL(this.hosted.http).port);
    const result = await run({ port, schedule, firstNumber: this.requestsSent, graceMs });
    this.requestsSent += schedule.count;
    await sleep(settledAfterMs);
    const after = snapshotOf(known);
    const tookMs = performance.now() - startedAt;
    const answeredMs = result.latenciesMs.filter(Number.isFinite);
    const answered = answeredMs.length;
    const { bench: _bench, ...cpuMsPerRequest } = perUnit(before.cpuMs, after.cpuMs, answered);
    const ours = total(perUnit(before.cpuMs, after.cpuMs, 1));
    const scheduledMs = (schedule.count * 1000) / schedule.perSecond;
    const step: StepResult = {
      kind,
      targetPerSecond: schedule.perSecond,
      scheduled: schedule.count,
      actualPerSecond: (answered * 1000) / Math.max(scheduledMs, result.elapsedMs),
      latencyMs: percentilesOf(result.latenciesMs),
      answeredMs: percentilesOf(answeredMs),
      providerCalls: 0,
      failures: result.failures,
      cpuMsPerRequest,
      otherProcessesCores: Math.max(0, after.machineCpuMs - before.machineCpuMs - ours) / tookMs,
    };
    return { step, sample: result.sample };
  }

  /** Returns how often the provider was called, by its own bill. */
  private async providerCalls(): Promise<number> {
    const response = await this.controlSimulator("/bill");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the simulator's README describes it
    const { attempts } = (await response.json()) as { attempts: readonly { calls: number }[] };
    return attempts.reduce((sum, { calls }) => sum + calls, 0);
  }

  private controlSimulator(path: string, request: RequestInit = {}): Promise<Response> {
    const { url, controlKey } = this.hosted.simulator;
    const headers = { "x-simulator-control-key": controlKey };
    return fetch(`${url}${path}`, { ...request, headers });
  }

  /** Sets the simulator's latency, fills the cache, and warms up the JIT compilers. */
  private async prepare(): Promise<void> {
    const latency = { firstByteMs: providerLatencyMs, tokensPerSecond: 1_000_000 };
    const models = ["sim-economy-q4", "sim-economy", "sim-standard", "sim-premium"];
    const script = { models: Object.fromEntries(models.map((model) => [model, latency])) };
    const response = await this.controlSimulator("/script", {
      method: "POST",
      body: JSON.stringify(script),
    });
    if (!response.ok) throw new Error(`The simulator refused its script: ${await response.text()}`);
    await this.measure("miss", scheduleOf(warmUpMisses.perSecond, warmUpMisses.seconds));
    const hits = scheduleOf(warmUpHits.perSecond, warmUpHits.seconds);
    const { sample, step } = await this.measure("exact-hit", hits);
    if (!sample?.head.includes("x-sluice-cache: exact\r\n"))
      throw new Error(
        `A repeated request is not an exact hit. Failures: ${JSON.stringify(step.failures)}. The last answer: ${sample?.head ?? "none"}`,
      );
  }

  private generate(load: Load): Promise<LoadResult> {
    return this.generator.request<LoadResult>(load);
  }

  private requestOf(kind: Kind): string {
    const number = kind === "miss" ? `Number ${placeholder}. ` : "";
    const content = `${number}Name three rivers of Europe, and one sentence on each.`;
    const body = { model: "auto", messages: [{ role: "user", content }] };
    const headers = { authorization: `Bearer ${this.hosted.demoKey}` };
    return requestText("/v1/chat/completions", headers, JSON.stringify(body));
  }
}

type Sample = LoadResult["sample"];

function perUnit(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  units: number,
): Record<string, number> {
  const entries = Object.entries(after);
  return Object.fromEntries(
    entries.map(([name, cpuMs]) => [name, (cpuMs - (before[name] ?? 0)) / Math.max(units, 1)]),
  );
}

function total(figures: Readonly<Record<string, number>>): number {
  return Object.values(figures).reduce((sum, each) => sum + each, 0);
}
