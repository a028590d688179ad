import type { Reservation, ReservationOption } from "@sluice/budgets";
import type { BudgetWindow, Candidate, Dispatch, InferenceClassified } from "@sluice/contracts";
import { type Budget, type EpochMillis, windowsFor } from "@sluice/domain";
import { attemptsMax } from "@sluice/request-state";

/** The budgets of a tenant, as they are declared. */
export interface BudgetFacts {
  readonly budgets: readonly Budget[];
  readonly timeZone: string;
  readonly version: bigint;
  readonly now: EpochMillis;
}

/** Returns the candidates with the windows in which an attempt at each counts, in the order of the candidates. Pure. */
export function optionsOf(
  request: InferenceClassified,
  candidates: readonly Candidate[],
  { budgets, ...at }: BudgetFacts,
): readonly ReservationOption<Candidate>[] {
  const { attribution, request: asked } = request.admitted;
  return candidates.map((candidate) => ({
    candidate,
    windows: windowsFor(
      budgets,
      {
        team: attribution.team,
        feature: attribution.feature,
        user: attribution.user,
        key: attribution.key,
        run: asked.runId,
        tier: candidate.tier,
        model: candidate.variant,
        provider: candidate.provider,
      },
      at,
    ),
  }));
}

/**
 * Returns the dispatch with the candidates that a reservation granted and their windows. If it granted one of the planned
 * candidates, the dispatch has no other; if not, each variant once, with the longest answer that was granted. Pure.
 *
 * @param planned how many of the options are the plan's; the others are there for a budget that is nearly used up
 */
export function reservedDispatch(
  dispatch: Dispatch,
  options: readonly ReservationOption<Candidate>[],
  planned: number,
  granted: readonly Candidate[],
): Dispatch {
  const isGranted = ({ candidate }: ReservationOption<Candidate>) => granted.includes(candidate);
  const ofPlan = options.slice(0, planned).filter(isGranted);
  const chosen = ofPlan.length > 0 ? ofPlan : oncePerVariant(options.filter(isGranted));
  return withWindows(dispatch, chosen.slice(0, attemptsMax));
}

/** Returns the dispatch with these candidates. Each window is named once, and each candidate refers to its own. Pure. */
export function withWindows(
  dispatch: Dispatch,
  options: readonly ReservationOption<Candidate>[],
): Dispatch {
  const windows: BudgetWindow[] = [];
  const positionOf = new Map<string, number>();
  const candidates = options.map(({ candidate, windows: own }) => ({
    ...candidate,
    windows: own.map((window) => {
      const name = `${window.budget} ${window.scope}`;
      const known = positionOf.get(name);
      if (known !== undefined) return known;
      positionOf.set(name, windows.length);
      return windows.push(window) - 1;
    }),
  }));
  return { ...dispatch, candidates, windows };
}

/** Returns why the request gets another candidate than the plan's first; undefined if it does not. Pure. */
export function degradedReason(
  planned: readonly Candidate[],
  reservation: Extract<Reservation<Candidate>, { kind: "granted" }>,
): string | undefined {
  const [first] = reservation.candidates;
  if (first === undefined || first === planned[0]) return undefined;
  return `the budgets cover ${first.variant} with at most ${first.outputLimit} output tokens, and not ${planned[0]?.variant} with ${planned[0]?.outputLimit}`;
}

function oncePerVariant(
  options: readonly ReservationOption<Candidate>[],
): readonly ReservationOption<Candidate>[] {
  const seen = new Set<string>();
  return options.filter(({ candidate: { variant } }) => {
    const isNew = !seen.has(variant);
    seen.add(variant);
    return isNew;
  });
}
