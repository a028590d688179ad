import type { NanoUsd, Window } from "@sluice/domain";
import type { BoundedCandidate, ReservationOption } from "./budgets.ts";

export interface MergedOptions {
  /** Every window of some option, once. */
  readonly windows: readonly Window[];
  readonly options: readonly {
    readonly variant: string;
    readonly worstCaseNanoUsd: NanoUsd;
    /** The positions of its windows, from 0. */
    readonly positions: readonly number[];
  }[];
}

/** Returns the options with the windows that they share named once. */
export function mergedOptions(
  options: readonly ReservationOption<BoundedCandidate>[],
): MergedOptions {
  const windows: Window[] = [];
  const positionOf = new Map<string, number>();
  const positionsOf = (of: readonly Window[]) =>
    of.map((window) => {
      const name = JSON.stringify([window.budget, window.scope, window.opensAt, window.closesAt]);
      const known = positionOf.get(name);
      if (known !== undefined) return known;
      positionOf.set(name, windows.length);
      return windows.push(window) - 1;
    });
  return {
    options: options.map(({ candidate, windows: of }) => ({
      variant: candidate.variant,
      worstCaseNanoUsd: candidate.worstCaseNanoUsd,
      positions: positionsOf(of),
    })),
    windows,
  };
}
