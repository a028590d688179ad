import type { BillEntry, BillJournal, BillReason } from "./bill-journal.ts";
import { servedModels } from "../models.ts";
import { costOf, noUsage, sumOf, type BilledUsage } from "./usage.ts";

/** All calls with one attempt id. */
export interface BilledAttempt {
  readonly attemptId: string;
  readonly model: string;
  readonly calls: number;
  readonly billedCalls: number;
  /** The highest number of calls of this attempt that were open at the same time. */
  readonly openPeak: number;
  readonly open: number;
  readonly stream: boolean;
  readonly usage: BilledUsage;
  readonly costNanoUsd: bigint;
  /** Time of the last billed call in epoch milliseconds; null if no call is billed. */
  readonly billedAt: number | null;
  /** The end of the last call; null while it runs. */
  readonly reason: BillReason | null;
}

/** A call that has begun and must end exactly once. */
export interface OpenCall {
  readonly attemptId: string;
  readonly model: string;
}

/** The provider's bill. It has one item for each attempt id and is stored in a journal. */
export class Bill {
  readonly #attempts = new Map<string, BilledAttempt>();
  readonly #journal: BillJournal;
  #open = 0;
  #openPeak = 0;

  /**
   * Continues the bill of the journal. A call without an end was open when the simulator exited; it ends
   * unbilled.
   */
  constructor(journal: BillJournal) {
    this.#journal = journal;
    for (const entry of journal.read()) this.#fold(entry);
    for (const { attemptId, open, model } of this.#attempts.values())
      for (let left = open; left > 0; left -= 1)
        this.#write({ event: "unbilled", attemptId, model, reason: "simulator-died" });
    this.#openPeak = 0;
  }

  /** Records that a call has begun. */
  begin(call: OpenCall, stream: boolean): void {
    this.#write({ event: "begun", ...call, stream });
  }

  /**
   * Ends a call and bills it. The entry is stored when this returns, so call it before the last byte of the
   * answer is sent.
   */
  charge(call: OpenCall, usage: BilledUsage, reason: BillReason, at: number): void {
    this.#write({ event: "billed", ...call, usage, reason, at });
  }

  /** Ends a call that costs nothing. */
  endUnbilled(call: OpenCall, reason: BillReason): void {
    this.#write({ event: "unbilled", ...call, reason });
  }

  attempt(attemptId: string): BilledAttempt | undefined {
    return this.#attempts.get(attemptId);
  }

  attempts(): readonly BilledAttempt[] {
    return [...this.#attempts.values()];
  }

  totalNanoUsd(): bigint {
    return this.attempts().reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
  }

  /** Returns the number of open calls, and the highest such number since the start or the last `clear`. */
  concurrency(): { readonly open: number; readonly peak: number } {
    return { open: this.#open, peak: this.#openPeak };
  }

  /** Empties the bill. Calls that are still open will end on the empty bill. */
  clear(): void {
    this.#journal.clear();
    this.#attempts.clear();
    this.#openPeak = this.#open;
  }

  #write(entry: BillEntry): void {
    this.#journal.append(entry);
    this.#fold(entry);
  }

  #fold(entry: BillEntry): void {
    const { attemptId, model } = entry;
    const before = this.#attempts.get(attemptId) ?? newAttempt(attemptId, model);
    this.#open = Math.max(0, this.#open + (entry.event === "begun" ? 1 : -1));
    this.#openPeak = Math.max(this.#openPeak, this.#open);
    this.#attempts.set(attemptId, foldedWith(before, entry));
  }
}

function foldedWith(before: BilledAttempt, entry: BillEntry): BilledAttempt {
  if (entry.event === "begun") {
    const open = before.open + 1;
    const { stream, model } = entry;
    const openPeak = Math.max(before.openPeak, open);
    return { ...before, model, stream, open, openPeak, calls: before.calls + 1, reason: null };
  }
  const ended = { ...before, open: Math.max(0, before.open - 1), reason: entry.reason };
  if (entry.event === "unbilled") return ended;
  return {
    ...ended,
    billedCalls: before.billedCalls + 1,
    usage: sumOf(before.usage, entry.usage),
    costNanoUsd: before.costNanoUsd + costOfCall(entry.model, entry.usage),
    billedAt: entry.at,
  };
}

function costOfCall(model: string, usage: BilledUsage): bigint {
  const served = servedModels.get(model);
  if (!served)
    throw new Error(`The bill contains the model '${model}', which the simulator does not serve.`);
  return costOf(usage, served.rates);
}

function newAttempt(attemptId: string, model: string): BilledAttempt {
  return {
    attemptId,
    model,
    calls: 0,
    billedCalls: 0,
    open: 0,
    openPeak: 0,
    stream: false,
    usage: noUsage,
    costNanoUsd: 0n,
    billedAt: null,
    reason: null,
  };
}
