import type { BillEntry, BillJournal, BillReason } from "./bill-journal.ts";
import { servedModels } from "../models.ts";
import { costOf, noUsage, sumOf, type BilledUsage } from "./usage.ts";

/** All calls made under one attempt id. */
export interface BilledAttempt {
  readonly attemptId: string;
  readonly model: string;
  readonly calls: number;
  readonly billedCalls: number;
  /** Most calls of this attempt that were open at once. */
  readonly openPeak: number;
  readonly open: number;
  readonly stream: boolean;
  readonly usage: BilledUsage;
  readonly costNanoUsd: bigint;
  /** Epoch milliseconds of the last billed call; null while none is. */
  readonly billedAt: number | null;
  /** How the last call ended; null while it runs. */
  readonly reason: BillReason | null;
}

/** A call that has begun and must be ended once. */
export interface OpenCall {
  readonly attemptId: string;
  readonly model: string;
}

/** What the provider asks to be paid: one entry per attempt id, kept in a journal. */
export class Bill {
  readonly #attempts = new Map<string, BilledAttempt>();
  readonly #journal: BillJournal;
  #open = 0;
  #openPeak = 0;

  /** Goes on from what the journal holds. A call it never ended is one that died with us. */
  constructor(journal: BillJournal) {
    this.#journal = journal;
    for (const entry of journal.read()) this.#fold(entry);
    for (const { attemptId, open, model } of this.#attempts.values())
      for (let left = open; left > 0; left -= 1)
        this.#write({ event: "unbilled", attemptId, model, reason: "simulator-died" });
    this.#openPeak = 0;
  }

  begin(call: OpenCall, stream: boolean): void {
    this.#write({ event: "begun", ...call, stream });
  }

  /** Durable when it returns; call it before the answer's last byte is sent. */
  charge(call: OpenCall, usage: BilledUsage, reason: BillReason, at: number): void {
    this.#write({ event: "billed", ...call, usage, reason, at });
  }

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

  /** Calls running now, and most that ran at once since the start or the last clearing. */
  concurrency(): { readonly open: number; readonly peak: number } {
    return { open: this.#open, peak: this.#openPeak };
  }

  /** Begins a new run. Calls still open end in the new one. */
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
  if (!served) throw new Error(`The bill names the model '${model}', which is not served.`);
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
