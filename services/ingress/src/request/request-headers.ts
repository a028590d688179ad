import type { CacheMode, Lane } from "@sluice/contracts";
import { clientNameForm, isClientName } from "@sluice/declarations";
import { type EpochMillis, type NanoUsd, parseUsd } from "@sluice/domain";
import { parsed, type Parsed, type Refusal, refused } from "./refusal.ts";

/** The options that a client sets in headers, because OpenAI's body has no member for them. */
export interface RequestHeaders {
  readonly idempotencyKey: string | null;
  /** How often the SDK has already sent this request on its own. */
  readonly retryCount: number;
  readonly cacheMode: CacheMode;
  readonly requiredAccuracy: number | null;
  readonly maxLatencyMs: number | null;
  readonly maxCostNanoUsd: NanoUsd | null;
  readonly deadlineAt: EpochMillis | null;
  readonly lane: Lane;
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly stepId: string | null;
  /** The user and the feature that pay, if the key allows the client to name them. */
  readonly user: string | null;
  readonly feature: string | null;
}

type Given = Readonly<Record<string, string | readonly string[] | undefined>>;

const cacheModes: ReadonlyMap<string, CacheMode> = new Map([
  ["no-store", "no_store"],
  ["refresh", "refresh"],
  ["use", "use"],
]);

const label = "1 to 128 printable ASCII characters without spaces";

/** Reads the headers. A refusal names the first wrong header and the values that it may have. */
export function parseHeaders(given: Given, now: EpochMillis): Parsed<RequestHeaders> {
  let refusal: Refusal | undefined;
  const read = <T>(name: string, expected: string, parse: (text: string) => T | undefined) => {
    const text = given[name];
    if (text === undefined) return null;
    const value = typeof text === "string" ? parse(text.trim()) : undefined;
    if (value === undefined) refusal ??= invalidHeader(name, expected);
    return value ?? null;
  };
  const headers: RequestHeaders = {
    idempotencyKey: read("idempotency-key", "1 to 255 printable ASCII characters", (text) =>
      /^[\x20-\x7e]{1,255}$/.test(text) ? text : undefined,
    ),
    retryCount: read("x-stainless-retry-count", "a whole number", wholeOf) ?? 0,
    cacheMode: read("x-sluice-cache", "no-store, refresh or use", cacheModeOf) ?? "automatic",
    requiredAccuracy: read("x-sluice-required-accuracy", "a number from 0 to 1", shareOf),
    maxLatencyMs: read("x-sluice-max-latency-ms", "a whole number of milliseconds", wholeOf),
    maxCostNanoUsd: read("x-sluice-max-cost-usd", "dollars with at most nine decimals", parseUsd),
    deadlineAt: read(
      "x-sluice-deadline",
      "a time (RFC 3339) or a number of seconds from now",
      (text) => deadlineOf(text, now),
    ),
    lane: read("x-sluice-lane", "realtime, batch or any", laneOf) ?? "realtime",
    sessionId: read("x-sluice-session", label, labelOf),
    runId: read("x-sluice-run", label, labelOf),
    stepId: read("x-sluice-step", label, labelOf),
    user: read("x-sluice-user", clientNameForm, clientNameOf),
    feature: read("x-sluice-feature", clientNameForm, clientNameOf),
  };
  return refusal ?? parsed(headers);
}

function invalidHeader(name: string, expected: string): Refusal {
  return refused("invalid_header", `Header '${name}' must be ${expected}.`, name);
}

function cacheModeOf(text: string): CacheMode | undefined {
  return cacheModes.get(text);
}

function wholeOf(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function shareOf(text: string): number | undefined {
  const value = /^\d(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= 0 && value <= 1 ? value : undefined;
}

function laneOf(text: string): Lane | undefined {
  return text === "realtime" || text === "batch" || text === "any" ? text : undefined;
}

function labelOf(text: string): string | undefined {
  return /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined;
}

function clientNameOf(text: string): string | undefined {
  return isClientName(text) ? text : undefined;
}

function deadlineOf(text: string, now: EpochMillis): EpochMillis | undefined {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return now + Math.round(Number(text) * 1000);
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
