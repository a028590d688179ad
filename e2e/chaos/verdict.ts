import type { RepeatedPayment } from "@sluice/testing";
import type { RequestRecord } from "../load/steady-load.ts";
import { describeStep, type Step } from "./plan.ts";

/** In seconds after the targets of a fault are back. */
export interface Limits {
  readonly answeredSeconds: number;
  readonly groupsSeconds: number;
  readonly readySeconds: number;
}

/** The limits that docs/reliability.md claims. */
export const claimedLimits: Limits = { answeredSeconds: 15, groupsSeconds: 30, readySeconds: 30 };

export interface GroupObservation {
  readonly group: string;
  readonly topic: string;
  readonly state: string;
  readonly unread: readonly number[];
  readonly lagMessages: number;
}

/** What was seen during and after one step of the plan. Times are in seconds after the targets were back. */
export interface StepObservation {
  readonly step: Step;
  /** Targets that did not exit after their stop signal, or were not ready again within the limit. */
  readonly notBack: readonly string[];
  /** From the end of the last fault until its target was ready. */
  readonly backSeconds: number;
  /** The requests without an answer when the targets were back. */
  readonly openAtReturn: number;
  /** When the last of these requests was answered. */
  readonly answeredSeconds: number;
  /** The keys of those that were not answered while they were observed. */
  readonly unanswered: readonly string[];
  readonly groupsSeconds: number;
  /** The groups with partitions that no member read when the observation ended. */
  readonly brokenGroups: readonly GroupObservation[];
  readonly readySeconds: number;
  /** The processes that did not report ready when the observation ended. */
  readonly notReady: readonly string[];
  /** Ends of processes that the step did not disturb, as the supervisor reported them. */
  readonly otherExits: readonly string[];
}

/** Returns one sentence for each violation of a step. */
export function stepViolations(
  seen: StepObservation,
  limits: Limits = claimedLimits,
): readonly string[] {
  const after = `after the ${describeStep(seen.step)}`;
  return [
    ...seen.notBack.map((target) => `${target} did not come back ${after}.`),
    ...(seen.unanswered.length > 0 || seen.answeredSeconds > limits.answeredSeconds
      ? [
          `${seen.unanswered.length} of ${seen.openAtReturn} waiting requests had no answer, and the others had one within ${rounded(seen.answeredSeconds)} s, ${after}. The limit is ${limits.answeredSeconds} s.${namesOf(seen.unanswered)}`,
        ]
      : []),
    ...(seen.brokenGroups.length === 0 && seen.groupsSeconds > limits.groupsSeconds
      ? [`The groups had all partitions only ${rounded(seen.groupsSeconds)} s ${after}.`]
      : []),
    ...seen.brokenGroups.map(
      ({ group, topic, state, unread, lagMessages }) =>
        `Group ${group} is ${state}: it does not read the partitions ${unread.join(", ")} of ${topic}, and its lag is ${lagMessages}, ${rounded(seen.groupsSeconds)} s ${after}.`,
    ),
    ...(seen.notReady.length > 0 || seen.readySeconds > limits.readySeconds
      ? [
          `Not ready within ${limits.readySeconds} s ${after}: ${seen.notReady.join(", ") || "ready later"}.`,
        ]
      : []),
  ];
}

/** The time of a step from its first signal until its targets were back, in epoch milliseconds. */
export interface FaultWindow {
  readonly from: number;
  readonly to: number;
}

/** An outcome of a request that was sent over Kafka. */
export interface KafkaOutcome {
  readonly requestId: string;
  /** `completed`, or the code of the refusal. */
  readonly result: string;
  readonly endedAt: number;
}

/** What was seen while the load paused. */
export interface CheckpointObservation {
  /** Those since the last checkpoint. */
  readonly requests: readonly RequestRecord[];
  readonly kafkaOutcomes: readonly KafkaOutcome[];
  readonly windows: readonly FaultWindow[];
  /** The breaches of I1, I2 and I3, with all published outcomes, all charges and the whole bill. */
  readonly breaches: readonly string[];
  /** The total of the ledger in PostgreSQL, and that of the published charges. */
  readonly ledgerNanoUsd: bigint;
  readonly chargedNanoUsd: bigint;
  readonly repeatedPayments: readonly RepeatedPayment[];
  readonly deadLetters: readonly { readonly topic: string; readonly messages: number }[];
  readonly groups: readonly GroupObservation[];
}

/** Returns one sentence for each violation of a checkpoint. */
export function checkpointViolations(
  seen: CheckpointObservation,
  limits: Limits = claimedLimits,
): readonly string[] {
  return [
    ...unansweredIn(seen),
    ...lateIn(seen, limits.answeredSeconds),
    ...seen.breaches.map((breach) => `Breach of an invariant: ${breach}.`),
    ...(seen.ledgerNanoUsd === seen.chargedNanoUsd
      ? []
      : [
          `The ledger contains ${seen.ledgerNanoUsd} nano-USD, and the published charges ${seen.chargedNanoUsd}.`,
        ]),
    ...seen.repeatedPayments
      .filter(({ billedAttempts, reportedCalls }) => billedAttempts > reportedCalls)
      .map(
        ({ requestId, billedAttempts, reportedCalls }) =>
          `Request ${requestId} was billed for ${billedAttempts} attempts, and its outcome reports ${reportedCalls}.`,
      ),
    ...seen.deadLetters.map(
      ({ topic, messages }) => `${topic} has ${messages} dead letters, and no message was wrong.`,
    ),
    ...seen.groups
      .filter(({ lagMessages }) => lagMessages > 0)
      .map(
        ({ group, topic, lagMessages }) =>
          `Group ${group} has a lag of ${lagMessages} messages of ${topic}, although no request is under way.`,
      ),
  ];
}

/** A stream that has begun is never restarted silently, so a killed adapter interrupts it and reports that. */
const announced = "stream_interrupted";

function unansweredIn({ requests, kafkaOutcomes }: CheckpointObservation): readonly string[] {
  const outcomes = new Map(kafkaOutcomes.map(({ requestId, result }) => [requestId, result]));
  const failures = requests.flatMap((request) => {
    const failure = failureOf(request, outcomes.get(request.key));
    return failure === undefined ? [] : [{ failure, key: request.key }];
  });
  return [...Map.groupBy(failures, ({ failure }) => failure)].map(
    ([failure, same]) =>
      `${counted(same.length)} ${failure}.${namesOf(same.map(({ key }) => key))}`,
  );
}

/** Returns what is wrong with the end of a request, as the end of a sentence about requests. */
function failureOf(
  { transport, end }: RequestRecord,
  outcome: KafkaOutcome["result"] | undefined,
): string | undefined {
  if (end === null) return "did not end";
  if (end.kind === "unanswered") return `had no answer, the last error being: ${end.lastError}`;
  if (end.kind === "failed")
    return transport === "http-stream" && end.code === announced
      ? undefined
      : `failed with ${end.code}`;
  if (transport !== "kafka" || outcome === "completed") return undefined;
  return outcome === undefined
    ? "sent over Kafka had no outcome"
    : `sent over Kafka failed with ${outcome}`;
}

/** Reports the requests that were answered later than the limit after the faults during which they waited. */
function lateIn(
  { requests, kafkaOutcomes, windows }: CheckpointObservation,
  secondsMax: number,
): readonly string[] {
  const ends = new Map(kafkaOutcomes.map(({ requestId, endedAt }) => [requestId, endedAt]));
  const late = requests.flatMap(({ key, transport, startedAt, endedAt, end }) => {
    const at = transport === "kafka" ? ends.get(key) : endedAt;
    if (at === undefined || at === null || end?.kind === "unanswered") return [];
    const seconds = (at - waitsSince(windows, startedAt, at)) / 1_000;
    return seconds > secondsMax ? [{ key, seconds }] : [];
  });
  if (late.length === 0) return [];
  const longest = Math.max(...late.map(({ seconds }) => seconds));
  return [
    `${counted(late.length)} waited up to ${rounded(longest)} s after the last fault that they met. The limit is ${secondsMax} s.${namesOf(late.map(({ key }) => key))}`,
  ];
}

/** Returns from when on an answer was due: the start, or the end of the last fault before the answer. */
function waitsSince(windows: readonly FaultWindow[], startedAt: number, endedAt: number): number {
  const met = windows.filter(({ from, to }) => from <= endedAt && to >= startedAt);
  return Math.min(endedAt, Math.max(startedAt, ...met.map(({ to }) => to)));
}

function namesOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 5).join(", ");
  return keys.length === 0 ? "" : ` For example: ${shown}.`;
}

function counted(requests: number): string {
  return requests === 1 ? "1 request" : `${requests} requests`;
}

function rounded(seconds: number): string {
  return seconds.toFixed(1);
}
