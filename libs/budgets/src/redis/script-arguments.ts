import type { NanoUsd, Window } from "@sluice/domain";
import { closedWindowKeptMs, idleRunKeptMs } from "../limits.ts";
import { windowIdOf } from "../window-id.ts";

type Argument = string | number;

const nanosPerDollar = 1_000_000_000n;

/** Returns an amount as the scripts take it: whole dollars, rounded down, and billionths from 0. */
export function amountArguments(amount: NanoUsd): readonly [string, string] {
  const nanos = ((amount % nanosPerDollar) + nanosPerDollar) % nanosPerDollar;
  return [String((amount - nanos) / nanosPerDollar), String(nanos)];
}

/** Returns the amount of a pair that a script returned. */
export function amountOf(dollars: string, nanos: number): NanoUsd {
  return BigInt(dollars) * nanosPerDollar + BigInt(nanos);
}

/** Returns the windows as `windowsFrom` of the scripts reads them. */
export function windowArguments(
  tenant: string,
  windows: readonly Window[],
  now: number,
): readonly Argument[] {
  return [
    windows.length,
    ...windows.flatMap((window) => [
      windowIdOf(tenant, window),
      ...amountArguments(window.limitNanoUsd),
      window.hard ? 1 : 0,
      String(window.version),
      expiryOf(window, now),
    ]),
  ];
}

/** One variant, its worst case, and the positions of its windows from 0. */
export interface OptionArgument {
  readonly variant: string;
  readonly worstCaseNanoUsd: NanoUsd;
  readonly positions: readonly number[];
}

/** Returns the options as `optionsFrom` of the scripts reads them. Lua counts positions from 1. */
export function optionArguments(options: readonly OptionArgument[]): readonly Argument[] {
  return [
    options.length,
    ...options.flatMap(({ variant, worstCaseNanoUsd, positions }) => [
      variant,
      ...amountArguments(worstCaseNanoUsd),
      positions.length,
      ...positions.map((position) => position + 1),
    ]),
  ];
}

/**
 * Returns when the counter of a window may be forgotten, in epoch milliseconds; 0 for never. A negative time is renewed with
 * each use.
 */
export function expiryOf(
  { closesAt, scope }: Pick<Window, "closesAt" | "scope">,
  now: number,
): number {
  if (closesAt !== null) return closesAt + closedWindowKeptMs;
  return isOfRun(scope) ? -(now + idleRunKeptMs) : 0;
}

/** Values in a scope are percent-encoded, so that none of them can contain this. */
function isOfRun(scope: string): boolean {
  return scope.split(",").some((value) => value.startsWith("run="));
}
