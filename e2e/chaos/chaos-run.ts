import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { KafkaUser, type Pipeline, serviceNames, startPipeline } from "@sluice/testing";
import OpenAI from "openai";
import { SteadyLoad } from "../load/steady-load.ts";
import { inject } from "./inject.ts";
import { observeRecovery, otherExitsIn, untilBack } from "./observe.ts";
import { Oracle } from "./oracle.ts";
import type { Step } from "./plan.ts";
import {
  type CheckpointObservation,
  checkpointViolations,
  claimedLimits,
  type Limits,
  type FaultWindow,
  type StepObservation,
  stepViolations,
} from "./verdict.ts";

const perSecond = 15;
/** Longer than any pair of faults and the recovery after it. The sweep estimates attempts in doubt after it. */
const deadlineSeconds = 75;
const sweepGraceSeconds = 5;
const settleMsMax = (deadlineSeconds + sweepGraceSeconds + 30) * 1_000;
/** The steps between two comparisons of ledger and bill, each of which pauses the load. */
const stepsPerCheckpoint = 20;

/** One step with its result, or one checkpoint. */
export type ChaosEvent =
  | { readonly kind: "step"; readonly seen: StepObservation; readonly violations: Sentences }
  | { readonly kind: "checkpoint"; readonly seen: Totals; readonly violations: Sentences };
type Sentences = readonly string[];

/** The sums of a run so far. */
export interface Totals {
  readonly httpRequests: number;
  readonly streamed: number;
  readonly kafkaRequests: number;
  /** Requests that their clients sent more than once. */
  readonly repeated: number;
  readonly interruptedStreams: number;
  readonly billedAttempts: number;
  readonly billNanoUsd: bigint;
  /** Requests with two billed attempts, both of which the outcome reports. */
  readonly paidTwiceReported: number;
}

/** A pipeline with parts of its own, under a steady load, that receives the faults of a plan. */
export class ChaosRun {
  readonly pipeline: Pipeline;
  readonly #user: KafkaUser;
  readonly #load: SteadyLoad;
  readonly #oracle: Oracle;
  readonly #windows: FaultWindow[] = [];
  readonly #reported = new Set<string>();
  /** The number of requests that the last checkpoint has covered. */
  readonly #limits: Limits;
  #checked = 0;

  private constructor(pipeline: Pipeline, run: string, limits: Limits) {
    this.#limits = limits;
    const { http, demoKey: apiKey, topicPrefix, addresses } = pipeline;
    this.pipeline = pipeline;
    this.#user = new KafkaUser({
      brokers: addresses.kafka.split(","),
      registryUrl: addresses.registry,
      topicPrefix,
      apiKey,
    });
    // The load itself repeats requests, at an even pace; the SDK would double its pauses.
    const openai = new OpenAI({ baseURL: `${http}/v1`, apiKey, maxRetries: 0 });
    const user = this.#user;
    this.#load = new SteadyLoad({ openai, user, run, perSecond, deadlineSeconds });
    this.#oracle = new Oracle(pipeline);
  }

  static async start(limits: Limits = claimedLimits): Promise<ChaosRun> {
    const pipeline = await startPipeline({
      ownParts: true,
      environment: {
        SLUICE_SWEEP_GRACE_SECONDS: String(sweepGraceSeconds),
        SLUICE_SWEEP_INTERVAL_SECONDS: "1",
      },
    });
    return new ChaosRun(pipeline, `chaos-${randomBytes(3).toString("hex")}`, limits);
  }

  /** Returns the parts and services that run as processes. The simulator is the oracle and receives no fault. */
  async targets(): Promise<readonly string[]> {
    const { parts } = await this.pipeline.status();
    return parts
      .filter(({ name, pid }) => pid !== null && name !== "simulator")
      .map(({ name }) => name);
  }

  /** Carries out a plan, and passes each result to `report` at once. Returns whether there were no violations. */
  async carryOut(
    steps: readonly Step[],
    report: (event: ChaosEvent) => void,
  ): Promise<{ readonly isClean: boolean }> {
    let violations = 0;
    this.#load.resume();
    for (const step of steps) {
      const event = await this.#step(step);
      report(event);
      violations += event.violations.length;
      if (event.violations.length > 0) await this.#restore();
      if (step.number % stepsPerCheckpoint !== 0 && step !== steps.at(-1)) continue;
      const checkpoint = await this.#checkpoint();
      report(checkpoint);
      violations += checkpoint.violations.length;
      this.#load.resume();
    }
    await this.#load.pause();
    return { isClean: violations === 0 };
  }

  async stop(): Promise<void> {
    await this.#load.pause();
    await this.#user.close();
    await this.pipeline.stop();
  }

  async #step(step: Step): Promise<ChaosEvent> {
    await sleep(step.calmSeconds * 1_000);
    const from = Date.now();
    const linesBefore = this.pipeline.supervisorLog.length;
    await inject(this.pipeline, step);
    const endedAt = Date.now();
    const notBack = await untilBack(this.pipeline, step);
    const to = Date.now();
    this.#windows.push({ from, to });
    const recovery = await observeRecovery({
      pipeline: this.pipeline,
      groups: this.#oracle.groups,
      requests: () => this.#load.records,
    });
    const lines = this.pipeline.supervisorLog.slice(linesBefore);
    const seen: StepObservation = {
      step,
      notBack,
      backSeconds: (to - endedAt) / 1_000,
      ...recovery,
      otherExits: otherExitsIn(lines, step),
    };
    return { kind: "step", seen, violations: stepViolations(seen, this.#limits) };
  }

  /** Replaces all services after a violation, so that the next step shows faults of its own. */
  async #restore(): Promise<void> {
    await Promise.all(serviceNames.map((name) => this.pipeline.killAndAwait(name)));
  }

  async #checkpoint(): Promise<ChaosEvent> {
    await this.#load.pause();
    const requests = this.#load.records;
    const kafkaRequests = requests
      .filter(({ transport, end }) => transport === "kafka" && end?.kind === "answered")
      .map(({ key }) => key);
    const accounts = await this.#oracle.settled(kafkaRequests, settleMsMax);
    const seen: CheckpointObservation = {
      ...accounts,
      requests: requests.slice(this.#checked),
      windows: this.#windows,
    };
    this.#checked = requests.length;
    // The accounts are those of the whole run, and a violation is reported once.
    const violations = checkpointViolations(seen, this.#limits).filter(
      (each) => !this.#reported.has(each),
    );
    for (const each of violations) this.#reported.add(each);
    return { kind: "checkpoint", seen: await this.#totals(accounts), violations };
  }

  async #totals({
    repeatedPayments,
  }: Pick<CheckpointObservation, "repeatedPayments">): Promise<Totals> {
    const billed = await this.#oracle.billed();
    const requests = this.#load.records;
    const overHttp = requests.filter(({ transport }) => transport !== "kafka");
    return {
      httpRequests: overHttp.length,
      streamed: overHttp.filter(({ transport }) => transport === "http-stream").length,
      kafkaRequests: requests.length - overHttp.length,
      repeated: requests.filter(({ tries }) => tries > 1).length,
      interruptedStreams: requests.filter(({ end }) => end?.kind === "failed").length,
      billedAttempts: billed.attempts,
      billNanoUsd: billed.totalNanoUsd,
      paidTwiceReported: repeatedPayments.filter(
        ({ billedAttempts, reportedCalls }) => billedAttempts <= reportedCalls,
      ).length,
    };
  }
}
