import { windowIdOf } from "@sluice/budgets";
import type { BudgetWindow } from "@sluice/contracts";

/** A window as the database stores it. Longs are decimal strings, as in all JSON of Sluice. */
export type StoredWindow = Omit<BudgetWindow, "limitNanoUsd" | "version"> & {
  /** Absent in intents. */
  readonly id?: string;
  readonly limitNanoUsd: string;
  readonly version: string;
};

/** Returns the JSON text of the windows with their ids; null for none. */
export function windowsJson(tenant: string, windows: readonly BudgetWindow[]): string | null {
  if (windows.length === 0) return null;
  const stored = windows.map((window): StoredWindow => ({
    ...window,
    id: windowIdOf(tenant, window),
    limitNanoUsd: String(window.limitNanoUsd),
    version: String(window.version),
  }));
  return JSON.stringify(stored);
}

/** Returns the windows of stored ones. Rows of older versions have none. */
export function windowsFrom(
  stored: readonly StoredWindow[] | null | undefined,
): readonly BudgetWindow[] {
  return (stored ?? []).map(({ id: _id, ...window }) => ({
    ...window,
    limitNanoUsd: BigInt(window.limitNanoUsd),
    version: BigInt(window.version),
  }));
}
