import { type Random, randomOf, shuffled } from "./random.ts";

/** What happens to a process. A restart is its own stop signal, after which the supervisor starts it again. */
export type Action =
  | { readonly kind: "kill" }
  | { readonly kind: "restart" }
  | { readonly kind: "freeze"; readonly seconds: number };

export interface Fault {
  /** The name of a part or of a service, as the stack's status shows it. */
  readonly target: string;
  readonly action: Action;
}

/** One fault, or two of which the second begins some time after the first. */
export interface Step {
  /** Counted from 1. */
  readonly number: number;
  /** How long the load runs undisturbed before the step. */
  readonly calmSeconds: number;
  readonly first: Fault;
  readonly second: { readonly fault: Fault; readonly afterSeconds: number } | null;
}

export interface PlanOptions {
  readonly seed: number;
  readonly targets: readonly string[];
  /** The number of steps, pairs included. */
  readonly faults: number;
  readonly pairs: number;
}

export const actions: readonly Action[] = [
  { kind: "kill" },
  { kind: "restart" },
  { kind: "freeze", seconds: 3 },
  { kind: "freeze", seconds: 12 },
  { kind: "freeze", seconds: 20 },
];

/** The longest time between the beginnings of two faults of a pair. */
export const distanceSecondsMax = 35;
const calmSeconds = { min: 2, max: 6 };

/**
 * Returns the steps of a run, which depend on the options only. Every target meets every action once
 * before any of them is repeated, and no target is chosen again before all others were. If Kafka is a
 * target and there is a pair, the first step is the {@link brokerKilledThenFrozen} pair.
 */
export function planOf({ seed, targets, faults, pairs }: PlanOptions): readonly Step[] {
  const random = randomOf(seed);
  const deal = dealer(targets, random);
  const hasKnownPair = pairs > 0 && targets.includes("kafka");
  const otherPairs = hasKnownPair ? pairs - 1 : pairs;
  const isPair = shuffled(
    Array.from({ length: faults - pairs + otherPairs }, (_, index) => index < otherPairs),
    random,
  );
  const known = hasKnownPair ? [brokerKilledThenFrozen(random)] : [];
  const dealt = isPair.map((pair) => ({
    first: deal(),
    second: pair ? { fault: deal(), afterSeconds: between(0, distanceSecondsMax, random) } : null,
  }));
  return [...known, ...dealt].map((step, index) => ({
    number: index + 1,
    calmSeconds: between(calmSeconds.min, calmSeconds.max, random),
    ...step,
  }));
}

/**
 * Returns the pair that once left consumer groups without members until a person restarted the
 * services: the broker is killed, and half a minute later it freezes for 12 s.
 */
function brokerKilledThenFrozen(random: Random): Pick<Step, "first" | "second"> {
  return {
    first: { target: "kafka", action: { kind: "kill" } },
    second: {
      fault: { target: "kafka", action: { kind: "freeze", seconds: 12 } },
      afterSeconds: between(27, 32, random),
    },
  };
}

/** Returns a function that returns the next fault. A round contains every target once. */
function dealer(targets: readonly string[], random: Random): () => Fault {
  const actionsLeft = new Map<string, Action[]>();
  const round: string[] = [];
  return () => {
    if (round.length === 0) round.push(...shuffled(targets, random));
    const target = round.pop()!;
    const left = actionsLeft.get(target) ?? [];
    if (left.length === 0) left.push(...shuffled(actions, random));
    const action = left.pop()!;
    actionsLeft.set(target, left);
    return { target, action };
  };
}

/** Returns a number of seconds with one decimal. */
function between(min: number, max: number, random: Random): number {
  return Math.round((min + (max - min) * random()) * 10) / 10;
}

/** Returns for example `kill of kafka, 28.4 s later freeze of kafka for 12 s`. */
export function describeStep({ first, second }: Pick<Step, "first" | "second">): string {
  const one = describeFault(first);
  return second ? `${one}, ${second.afterSeconds} s later ${describeFault(second.fault)}` : one;
}

function describeFault({ target, action }: Fault): string {
  const duration = action.kind === "freeze" ? ` for ${action.seconds} s` : "";
  return `${action.kind} of ${target}${duration}`;
}

/** Returns the processes that a step disturbs. */
export function targetsOf(step: Step): readonly string[] {
  return [...new Set(faultsOf(step).map(({ target }) => target))];
}

/** Returns the processes that a step ends, and that the supervisor has to start again. */
export function endedTargetsOf(step: Step): readonly string[] {
  const ending = faultsOf(step).filter(({ action }) => action.kind !== "freeze");
  return [...new Set(ending.map(({ target }) => target))];
}

function faultsOf({ first, second }: Step): readonly Fault[] {
  return second ? [first, second.fault] : [first];
}
